"""Notices before points expire."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
