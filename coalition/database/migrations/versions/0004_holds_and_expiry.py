"""Holds, points that expire, and the functions of a batch with both."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
