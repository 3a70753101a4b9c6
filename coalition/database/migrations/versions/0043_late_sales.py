"""Late sales are found by an index."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
