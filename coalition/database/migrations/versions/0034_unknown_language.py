"""A member's language may be unknown."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
