"""Rights of cards under the lane's lock, and messages kept with what they book."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
