"""Payments that came back, and money beyond what was left to pay."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
