"""`coalition demo`: the whole service on a year of real shop baskets."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.session import run


def add_demo(app: typer.Typer) -> None:
    """Add the command to the application."""

    @app.command("demo")
    def demo(
        days: Annotated[int, typer.Option(help="The last days of the year.", min=1, max=365)] = 365,
        serve: Annotated[bool, typer.Option("--serve", help="Leave the pages up until Ctrl-C.")] = False,
        # Not from the environment: the directory is emptied, and the shell's may be another hub's.
        data_dir: Annotated[
            Path | None, typer.Option(help="An empty directory, or one of a demo before; none: one in /var/tmp.")
        ] = None,
        port: Annotated[
            int | None, typer.Option(help="Port of the pages; none: 8080 or the next free.", min=1, max=65535)
        ] = None,
    ) -> None:
        """Replay real shop baskets as signed messages of twelve partners, and settle a window a month."""
        if not run(_demo(days, serve=serve, data_dir=data_dir, port=port)):
            raise typer.Exit(1)


async def _demo(days: int, *, serve: bool, data_dir: Path | None, port: int | None) -> bool:
    # Imported here, so that the other commands do not wait for the demo's libraries.
    try:
        from coalition.demo.run_demo import Wanted, run_demo
        from coalition.demo.screen import Screen
    except ModuleNotFoundError as error:
        needs = "the demo needs, in a clone of the repository: pip install '.[hub,demo]'"
        typer.echo(f"coalition: {error.name} is missing; {needs}", err=True)
        raise typer.Exit(1) from None

    task = asyncio.current_task()
    assert task is not None
    # Told to end like by Ctrl-C: what was started is stopped first.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await run_demo(Wanted(days, serve=serve, data_dir=data_dir, port=port), Screen())
    except asyncio.CancelledError:
        typer.echo("coalition: the demo was stopped; nothing of it runs any more", err=True)
        raise typer.Exit(130) from None
