"""When windows close by themselves."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
