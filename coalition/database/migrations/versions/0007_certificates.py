"""Certificates for burns without a network, and who bears what is lost by them."""

from coalition.database.migration_script import refuse_downgrade, run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script(__file__)


def downgrade() -> None:
    refuse_downgrade()
