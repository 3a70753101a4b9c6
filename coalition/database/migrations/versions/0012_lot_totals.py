"""The book of lots by origin, and each day's outstanding points."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
