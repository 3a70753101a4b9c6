"""Cards that are blocked, lost or replaced; households; closed accounts."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
