"""Who bears a return whose points are gone."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
