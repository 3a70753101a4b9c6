"""Old windows leave for files, and what must stay of them is packed."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
