"""Points that move between accounts: merges, and transfers between members."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
