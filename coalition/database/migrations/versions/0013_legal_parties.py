"""Who partners and the operator are in law."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
