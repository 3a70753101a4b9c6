"""Webhooks: where partners want to be told what happened to their operations."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
