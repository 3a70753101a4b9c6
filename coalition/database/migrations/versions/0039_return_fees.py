"""What a bank takes for returns, and entries that an operator splits."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
