"""How partners pay for points, their blocks, and drafts of terms."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
