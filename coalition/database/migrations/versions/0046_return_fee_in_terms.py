"""Who bears a bank's fee for a returned payment, by a partner's terms."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
