"""The whole run: a hub, its programme, a year of the partners' messages, a window settled a month, and the outcome."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from coalition.demo.baskets import Baskets, read_baskets
from coalition.demo.bill import Tally
from coalition.demo.commands import Commands
from coalition.demo.compare_books import compare_books
from coalition.demo.errors import ReplayStoppedError
from coalition.demo.finance_reports import write_reports
from coalition.demo.folder import DemoFolder, claim_folder
from coalition.demo.histories import MemberHistories
from coalition.demo.hub_process import HubProcess
from coalition.demo.moved_year import MovedYear, shop_day
from coalition.demo.outcome import Outcome, tell_outcome
from coalition.demo.plan import PlannedOperation, plan_operations
from coalition.demo.replay import Replay, open_clients, unforeseen_examples
from coalition.demo.screen import Screen
from coalition.demo.serve_pages import PAGE_SETTINGS, free_port, serve_pages
from coalition.demo.set_up import STEPS as SET_UP_STEPS
from coalition.demo.set_up import Programme, set_up
from coalition.demo.settle_window import MonthEnd
from partner_sdk import Coalition, CoalitionError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command's flags ask for."""

    days: int
    serve: bool = False
    data_dir: Path | None = None
    port: int | None = None


async def run_demo(wanted: Wanted, screen: Screen) -> bool:
    """Run the demo and tell its outcome; return whether everything ties out. Raises DemoError."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(claim_folder(wanted.data_dir))
        hub = HubProcess(
            folder,
            port=free_port(wanted.port) if wanted.serve else 0,
            settings=PAGE_SETTINGS if wanted.serve else {},
        )
        demo = _Demo(wanted, folder, screen)
        with screen:
            await demo.read()
            with screen.stage("Starting the hub"):
                await stack.enter_async_context(hub)
            await hub.while_alive(demo.replay(hub.url))
            await hub.while_alive(demo.check())
        tell_outcome(demo.outcome, folder, screen, is_serving=wanted.serve)
        if wanted.serve:
            await serve_pages(hub, demo.commands, folder, screen, demo.histories.richest())
    return demo.outcome.ties_out


class _Demo:
    """The parts of a run, in their order, and what they gather."""

    def __init__(self, wanted: Wanted, folder: DemoFolder, screen: Screen) -> None:
        now = datetime.now(UTC)
        self.commands = Commands(folder.path)
        self.histories = MemberHistories()
        self.outcome = Outcome(started_at=time.monotonic())
        self._wanted = wanted
        self._folder = folder
        self._screen = screen
        self._year = MovedYear(shop_day(now), now)
        self._month_end = MonthEnd(self.commands, folder.reports)
        self._baskets: Baskets

    async def read(self) -> None:
        with self._screen.stage(f"Reading {self._wanted.days} days of shop baskets") as stage:
            self._baskets = await asyncio.to_thread(read_baskets, year=self._year, days=self._wanted.days)
            baskets, households = len(self._baskets), len(self._baskets.household_ids)
            stage.advance(told=f"{baskets:,} baskets of {households:,} households")

    async def replay(self, url: str) -> None:
        """Set the programme up, send all operations, settle a window a month. Raises ReplayStoppedError."""
        programme = await self._set_up()
        try:
            async with (
                open_clients(url, programme.keys) as clients,
                aclosing(Replay(clients, programme.cards)) as replay,
            ):
                await self._replay(replay, clients)
                await self._compare(clients)
        except CoalitionError as error:
            raise ReplayStoppedError(f"{type(error).__name__}: {error}") from error
        if unforeseen := replay.unforeseen():
            self.outcome.take_unforeseen(unforeseen, examples=unforeseen_examples(programme.keys.values()))

    async def check(self) -> None:
        """Write the finance reports, and let the hub verify itself."""
        with self._screen.stage("Writing the finance reports"):
            self.outcome.faults += await write_reports(self.commands, self._folder.reports)
        with self._screen.stage("Checking the books"):
            exit_code, printed, told = await self.commands.try_run("check")
            self.outcome.take_check(exit_code=exit_code, told=printed.strip() or told.strip())

    async def _set_up(self) -> Programme:
        with self._screen.stage("Taking in partners and members", SET_UP_STEPS) as stage:
            programme = await set_up(self.commands, self._folder, self._baskets.household_ids, stage.advance)
            self.outcome.members = len(programme.cards)
            stage.advance(0, f"{len(programme.keys)} partners, {len(programme.cards):,} members")
            return programme

    async def _replay(self, replay: Replay, clients: Mapping[str, Coalition]) -> None:
        tally, period = Tally(), ""
        plan = plan_operations(self._baskets, end=self._year.end)
        with self._screen.stage("Replaying", self._wanted.days) as stage:
            for day, operations in groupby(plan, key=lambda planned: shop_day(planned.occurred_at)):
                begun_at = time.monotonic()
                of_day = list(operations)
                # While the messages of the day before are on their way.
                await replay.save(of_day)
                await replay.finish_sending()
                self.outcome.replaying_s += time.monotonic() - begun_at
                month = self._year.settled_month(day, days=self._wanted.days)
                if period and period != month:
                    await self._settle(clients, period, tally)
                    tally = Tally()
                period = month
                await replay.begin_sending()
                self._note(of_day, tally)
                stage.advance(told=f"{day}  {self._booked(replay)}")
            begun_at = time.monotonic()
            await replay.finish_sending()
            self.outcome.replaying_s += time.monotonic() - begun_at
            self.outcome.booked = replay.booked
            stage.advance(0, self._booked(replay))
        await self._settle(clients, period, tally)

    async def _compare(self, clients: Mapping[str, Coalition]) -> None:
        with self._screen.stage("Comparing partners' books", len(clients)) as stage:
            compared, faults = await compare_books(clients, stage.advance)
            self.outcome.faults += faults
            stage.advance(0, f"{compared:,} operations of {len(clients)} outboxes, {len(faults)} differences")

    def _booked(self, replay: Replay) -> str:
        return f"{replay.booked:,} booked, {self.outcome.rate(replay.booked):,.0f}/s"

    def _note(self, operations: list[PlannedOperation], tally: Tally) -> None:
        for operation in operations:
            tally.add(operation)
            self.histories.add(operation)

    async def _settle(self, clients: Mapping[str, Coalition], period: str, tally: Tally) -> None:
        bill, differences = await self._month_end.settle(clients, period=period, tally=tally)
        self.outcome.bills.append(bill)
        self.outcome.faults += differences
