"""Limits on what members do, what counts up to them, and codes for large burns."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
