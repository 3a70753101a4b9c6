"""A member's language may be unknown."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
