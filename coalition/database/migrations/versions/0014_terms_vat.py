"""How a partner's charges, fees and redemptions are taxed."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
