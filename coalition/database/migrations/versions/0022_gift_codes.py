"""Gifts between members, with a code."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
