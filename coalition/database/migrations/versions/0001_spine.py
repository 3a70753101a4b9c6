"""The spine: partners, lanes, journal, accounts, lots, windows."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    script = Path(__file__).with_suffix(".sql").read_text()
    # The driver's simple protocol, since a prepared statement holds one command only.
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None
    driver.run_async(lambda connection: connection.execute(script))


def downgrade() -> None:
    raise RuntimeError("The journal is never taken back: restore a backup instead.")
