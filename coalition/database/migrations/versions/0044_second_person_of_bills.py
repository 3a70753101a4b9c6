"""Windows and corrections are approved by a second person."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
