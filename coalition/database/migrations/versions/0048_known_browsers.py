"""Browsers in which members have signed in."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
