"""What each reversal of a burn brought back to which lots."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
