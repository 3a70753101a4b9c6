"""Net debit caps, and how far each lane may go without asking."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    script = Path(__file__).with_suffix(".sql").read_text()
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None
    driver.run_async(lambda connection: connection.execute(script))


def downgrade() -> None:
    raise RuntimeError("The journal is never taken back: restore a backup instead.")
