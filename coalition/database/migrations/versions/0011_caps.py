"""Net debit caps, and how far each lane may go without asking."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
