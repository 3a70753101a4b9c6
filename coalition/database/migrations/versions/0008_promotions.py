"""Joint promotions: who pays which share, budgets, and the lanes' allowances."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
