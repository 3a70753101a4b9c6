"""Batches in few round trips: functions that open one, write one, and keep messages."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
