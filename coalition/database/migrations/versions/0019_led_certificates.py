"""Certificates follow the cards of a merge."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
