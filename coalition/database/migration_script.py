"""What every migration does: run the SQL file beside it, in order, and never back."""

from pathlib import Path

from alembic import op


def run_script(migration: str) -> None:
    """Run the SQL file of a migration, given by its `__file__`."""
    script = Path(migration).with_suffix(".sql").read_text()
    # The driver's simple protocol, since a prepared statement holds one command only.
    driver = op.get_bind().connection.dbapi_connection
    assert driver is not None
    driver.run_async(lambda connection: connection.execute(script))


def refuse_downgrade() -> None:
    raise RuntimeError("The journal is never taken back: restore a backup instead.")
