"""Flags that every command shares."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Embedded database, hub key, reports.", envvar="COALITION_DATA_DIR")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", help="PostgreSQL 15+; none: the embedded one.", envvar="COALITION_DATABASE_URL"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
