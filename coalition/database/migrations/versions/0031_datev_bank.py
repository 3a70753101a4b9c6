"""The bank's account in DATEV."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
