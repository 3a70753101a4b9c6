"""What came of a run, and how it is told."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coalition.demo.bill import NAMES, WindowBill
from coalition.demo.folder import DemoFolder
from coalition.demo.partners import PARTNERS
from coalition.demo.screen import Screen
from coalition.demo.tables import tables

FAULTS_SHOWN_MAX = 20


@dataclass(slots=True)
class Outcome:
    """The figures of a run; `faults` says everything that does not tie out."""

    started_at: float
    members: int = 0
    booked: int = 0
    replaying_s: float = 0.0
    bills: list[WindowBill] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    check: str = ""

    @property
    def ties_out(self) -> bool:
        return not self.faults

    def rate(self, operations: int) -> float:
        """Return operations a second, without the time of the windows."""
        return operations / self.replaying_s if self.replaying_s else 0.0

    def take_unforeseen(self, unforeseen: Mapping[str, int], *, examples: Sequence[str]) -> None:
        """Take the verdicts that the plan did not foresee: it foresees that all is booked."""
        self.faults += [f"{count:,} operations {verdict}, 0 expected" for verdict, count in unforeseen.items()]
        self.faults += examples

    def take_check(self, *, exit_code: int, told: str) -> None:
        """Take what `coalition check` said."""
        self.check = told.splitlines()[-1] if told else ""
        if exit_code != 0:
            self.faults.append(f"coalition check: exit code {exit_code}: {self.check}")


def tell_outcome(outcome: Outcome, folder: DemoFolder, screen: Screen, *, is_serving: bool) -> None:
    """Print the tables, whether all ties out, and what to look at next; `is_serving`: the pages are among it anyway."""
    for table in tables(outcome.bills):
        screen.console.print(table)
    windows = f"{len(outcome.bills)} {'window' if len(outcome.bills) == 1 else 'windows'}"
    screen.say(
        f"{outcome.booked:,} operations of {len(PARTNERS)} partners and {outcome.members:,} members, each signed, "
        f"booked and receipted: {outcome.rate(outcome.booked):,.0f} a second.\n"
        f"{windows} closed, calculated, approved, invoiced, paid by the bank. "
        f"Everything in {time.monotonic() - outcome.started_at:.0f} s."
    )
    screen.say(f"coalition check: {outcome.check}")
    if outcome.faults:
        screen.say("\nTHIS DOES NOT TIE OUT:")
        for fault in outcome.faults[:FAULTS_SHOWN_MAX]:
            screen.say(f"  {fault}")
    else:
        screen.say("Partners' tills, their signed statements and the hub's books agree to the point and to the cent.")
    _tell_what_next(outcome, folder, screen, is_serving=is_serving)


def _tell_what_next(outcome: Outcome, folder: DemoFolder, screen: Screen, *, is_serving: bool) -> None:
    last = outcome.bills[-1].window
    slug = next(iter(NAMES))
    program = _program()
    window = folder.reports / f"window-{last}"
    pages = "" if is_serving else "Pages:       make serve-demo, which prints how to sign in\n"
    screen.say(
        f"\nEach month:  {folder.reports}/window-N/, and in it, for window {last}:\n"
        f"Statements:  {window / 'statements' / slug}.pdf, and .xlsx, .csv, .json; each partner's own\n"
        f"Invoices:    {window}/invoices/: each partner's invoice and credit note as EN 16931 XML and as letter\n"
        f"Bank:        {window}/bank/: the SEPA files that went out, and the simulated bank's camt.053 that paid them\n"
        f"Tax adviser: {window}/datev/: the DATEV batch\n"
        f"Finance:     {folder.reports}/finance/: every report at the end, as workbook and as JSON\n"
        f"Look closer: {program} window show {last} --data-dir {folder.path}\n"
        f"{pages}The next demo begins anew in the same place."
    )


def _program() -> str:
    """Return how this program was called, as short as it can be typed here."""
    called = Path(sys.argv[0])
    if called.name != "coalition":
        return "coalition"
    return os.path.relpath(called) if called.is_absolute() and called.is_relative_to(Path.cwd()) else str(called)
