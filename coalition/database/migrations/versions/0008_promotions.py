"""Joint promotions: who pays which share, budgets, and the lanes' allowances."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    script = Path(__file__).with_suffix(".sql").read_text()
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None
    driver.run_async(lambda connection: connection.execute(script))


def downgrade() -> None:
    raise RuntimeError("The journal is never taken back: restore a backup instead.")
