"""What partners dispute of their shares."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
