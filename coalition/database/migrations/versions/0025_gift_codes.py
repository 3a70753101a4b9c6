"""Gifts between members, with a code."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
