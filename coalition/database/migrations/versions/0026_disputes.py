"""What partners dispute of their shares."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
