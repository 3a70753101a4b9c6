"""What was tried, and which nonces were used, the same for all processes."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
