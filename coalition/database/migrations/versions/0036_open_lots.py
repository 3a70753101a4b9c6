"""A burn reads the lots that it empties."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
