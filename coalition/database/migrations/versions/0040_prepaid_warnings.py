"""Who was warned that prepaid points run low."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
