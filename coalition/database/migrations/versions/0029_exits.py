"""Partners that leave, with their tails."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
