"""One lane for an operation id, also where two hubs get it at once."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
