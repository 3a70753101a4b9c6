"""How far the demo is: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

WIDTH_ELSEWHERE = 100
PAUSE_ELSEWHERE_S = 10.0


class Stage:
    """One part of the run; `advance` tells how far it is and, in a few words, what it did."""

    def __init__(self, screen: "Screen", title: str, total: int | None) -> None:
        self._screen = screen
        self._title = title
        self._total = total
        self._done = 0
        self._told = ""
        self._told_at = time.monotonic()
        self._bar: TaskID | None = None
        if screen.bars is not None:
            self._bar = screen.bars.add_task(title, total=total, told="")

    def advance(self, steps: int = 1, told: str | None = None) -> None:
        self._done += steps
        self._told = self._told if told is None else told
        if self._screen.bars is not None and self._bar is not None:
            self._screen.bars.update(self._bar, advance=steps, told=self._told)
        elif time.monotonic() - self._told_at > PAUSE_ELSEWHERE_S:
            self._told_at = time.monotonic()
            self._screen.say(f"{self._title}: {self._done} of {self._total}  {self._told}")

    def finish(self, took_s: float) -> None:
        if self._screen.bars is not None and self._bar is not None:
            total = self._total or 1
            self._screen.bars.update(self._bar, total=total, completed=total, told=self._told)
        else:
            self._screen.say(f"{self._title}: done in {took_s:.1f} s  {self._told}".rstrip())


class Screen:
    """Bars while the block runs, if there is a terminal; `console` prints what stays."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = WIDTH_ELSEWHERE
        self.bars: Progress | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.bars = Progress(
                SpinnerColumn(finished_text="✓"),
                TextColumn("{task.description}", table_column=Column(min_width=30, no_wrap=True)),
                BarColumn(bar_width=12),
                TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True)),
                TextColumn("{task.fields[told]}", table_column=Column(no_wrap=True)),
                console=self.console,
            )
            self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bars is not None:
            self.bars.stop()
            self.bars = None

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Stage]:
        """Show a part of the run for as long as the block runs; `total` is how many steps it has."""
        started = time.monotonic()
        stage = Stage(self, title, total)
        yield stage
        stage.finish(time.monotonic() - started)
