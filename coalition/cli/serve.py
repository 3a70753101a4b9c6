"""`coalition serve`: the hub, in one process or in several at one address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from coalition.cli.options import DatabaseUrl, DataDir

if TYPE_CHECKING:
    from coalition.cli.serving import Extensions


def add_serve(app: typer.Typer, extensions: Callable[[], Extensions]) -> None:
    """Add the command to the application; `extensions` imports what is mounted, which takes a while, and returns it."""

    @app.command("serve")
    def serve(
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        port: Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.")] = None,
        workers: Annotated[int | None, typer.Option(help="Processes that share the address.")] = None,
        metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics; none: off.")] = None,
        data_dir: DataDir = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Run the hub until it is told to stop; prints one line with its address once it is ready."""
        # Imported here: the server's libraries take as long to load as all that another command does.
        from coalition.cli.serving import serve_hub

        flags = {"host": host, "port": port, "workers": workers, "metrics_port": metrics_port}
        serve_hub(extensions(), data_dir, database_url, **flags)

    @app.command("serve-worker", hidden=True)
    def serve_worker(lifeline: int, sockets: list[int]) -> None:
        """Run one process of `serve --workers`, which starts it; the numbers are those of open sockets."""
        from coalition.cli.serving import serve_as_worker

        serve_as_worker(extensions(), lifeline, sockets)
