"""Long report queries stand in files of their own, beside this one, each with the question that it answers."""

from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


def report_query(name: str) -> str:
    """Return the text of a query."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
