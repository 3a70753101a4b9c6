"""Why a bank entry was matched to nothing is kept."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
