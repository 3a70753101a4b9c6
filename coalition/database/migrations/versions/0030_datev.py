"""By which accounts a window is booked in DATEV."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
