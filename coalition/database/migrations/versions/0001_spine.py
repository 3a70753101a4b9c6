"""The spine: partners, lanes, journal, accounts, lots, windows."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
