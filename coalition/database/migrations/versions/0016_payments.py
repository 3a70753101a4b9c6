"""What is paid of each share, and collateral."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
