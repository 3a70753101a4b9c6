"""A batch names its lane by value."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
