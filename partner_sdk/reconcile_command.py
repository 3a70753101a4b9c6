"""`coalition-partner reconcile`: the partner's books against the hub, printed."""

import argparse
import asyncio
import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from partner_sdk.books import BookLine
from partner_sdk.books_file import read_books
from partner_sdk.options import hub_of
from partner_sdk.reconcile import ReconcileProgress
from partner_sdk.reconciliation import ComparedDay, DayTotals, Difference, DifferenceClass, HubLine, Reconciliation
from partner_sdk.statement_check import KindTotal, StatementCheck

DIFFERS = 1

# Here is this machine, there the hub.
WORDS: dict[DifferenceClass, str] = {
    "missing_at_partner": "missing here",
    "missing_at_hub": "missing there",
    "other_amount": "other amount",
    "late": "late",
    "other_window": "other window",
    "other_day": "other day",
}


def add_to(commands: Any, online: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    reconcile = commands.add_parser("reconcile", parents=[online], help="compare the outbox, or a CSV, with the hub")
    reconcile.add_argument(
        "--csv", type=Path, metavar="FILE", help="books with the columns id,type,points,day[,window]"
    )
    reconcile.add_argument("--window", type=int, metavar="N", help="what was booked in this window; default: by days")
    reconcile.add_argument("--from", dest="first", type=_day, metavar="DAY", help="default: the books'")
    reconcile.add_argument("--until", dest="last", type=_day, metavar="DAY", help="default: today")
    reconcile.add_argument(
        "--also", type=Path, action="append", default=[], metavar="OUTBOX", help="one more outbox of this partner"
    )
    reconcile.set_defaults(run=_reconcile)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"expected a day such as 2026-11-21, got {text!r}") from fault


def _reconcile(options: argparse.Namespace) -> int:
    # Read before anything is asked: a bad file ends it here.
    books = None if options.csv is None else read_books(options.csv)

    async def reconcile() -> Reconciliation:
        async with hub_of(options) as hub:
            return await hub.reconcile(
                books,
                first=options.first,
                last=options.last,
                window=options.window,
                more_outboxes=options.also,
                progress=_print_progress,
            )

    compared = asyncio.run(reconcile())
    print(json.dumps(_content(compared)) if options.json else _text(compared))
    return 0 if compared.agrees else DIFFERS


def _print_progress(so_far: ReconcileProgress) -> None:
    if sys.stderr.isatty():
        figures = f"{so_far.days} days compared, {so_far.lines} line by line, {so_far.differences} differences"
        print(f"\r{figures}", end="", file=sys.stderr, flush=True)


def _text(compared: Reconciliation) -> str:
    differing = [day for day in compared.days if not day.agrees]
    operations = sum(day.hub.count for day in compared.days)
    lines = [f"days: {len(compared.days)}, of {compared.time_zone}; operations at the hub: {operations}"]
    lines += [f"differs  {day.day}  here {_totals(day.partner)}; there {_totals(day.hub)}" for day in differing]
    lines += [_line(one) for one in compared.differences]
    counts = Counter(one.kind for one in compared.differences)
    lines += [f"{counts[kind]:>7}  {words}" for kind, words in WORDS.items() if counts[kind]]
    for check in compared.statements:
        lines.append(
            f"statement of window {check.window}: {'ties out' if check.agrees else 'differs'}{_left_out(check)}"
        )
        lines += [f"  {fault}" for fault in check.faults]
    if compared.waiting:
        lines.append(f"not compared, since they wait in the outbox: {compared.waiting}; `outbox flush` first")
    lines.append("the books agree" if compared.agrees else "the books do not agree")
    return "\n".join(lines)


def _totals(totals: DayTotals) -> str:
    points = ", ".join(f"{name} {points}" for name, points in sorted(totals.points.items()))
    return f"{totals.count} operations ({points or 'none'})"


def _line(one: Difference) -> str:
    here = "-" if one.partner is None else _own_text(one.partner)
    there = "-" if one.hub is None else _hub_text(one.hub)
    note = "" if one.note is None else f"  (in the outbox: {one.note})"
    return f"{WORDS[one.kind]:13}  {one.id}  here {here}  there {there}{note}"


def _own_text(line: BookLine) -> str:
    window = "" if line.window is None else f" window {line.window}"
    return f"{line.type} {line.points} on {line.day}{window}"


def _hub_text(line: HubLine) -> str:
    if line.code is not None:
        return f"refused, {line.code}"
    late = f" (of window {line.period}'s time)" if line.is_late else ""
    return f"{line.type} {line.points} on {line.day} window {line.window}{late}"


def _left_out(check: StatementCheck) -> str:
    if not check.shared.operations:
        return ""
    return f" (points issued left out: joint promotions paid for {check.shared.operations} operations)"


def _content(compared: Reconciliation) -> dict[str, Any]:
    return {
        "agrees": compared.agrees,
        "time_zone": compared.time_zone,
        "days": [_day_content(day) for day in compared.days],
        "differences": [_difference_content(one) for one in compared.differences],
        "statements": [_statement_content(check) for check in compared.statements],
        "waiting": compared.waiting,
    }


def _day_content(day: ComparedDay) -> dict[str, Any]:
    here, there = _totals_content(day.partner), _totals_content(day.hub)
    return {"day": day.day.isoformat(), "agrees": day.agrees, "late": day.late, "partner": here, "hub": there}


def _totals_content(totals: DayTotals) -> dict[str, Any]:
    return {"count": totals.count, "points": dict(totals.points), "digest": totals.digest}


def _difference_content(one: Difference) -> dict[str, Any]:
    return {
        "difference": one.kind,
        "id": one.id,
        "partner": None if one.partner is None else _own_content(one.partner),
        "hub": None if one.hub is None else _hub_content(one.hub),
        "note": one.note,
    }


def _own_content(line: BookLine) -> dict[str, Any]:
    return {"type": line.type, "points": line.points, "day": line.day.isoformat(), "window": line.window}


def _hub_content(line: HubLine) -> dict[str, Any]:
    return {
        "verdict": "booked" if line.code is None else "refused",
        "code": line.code,
        "type": line.type,
        "points": line.points,
        "day": line.day.isoformat(),
        "window": line.window,
        "period": line.period,
        "occurred_at": line.occurred_at.isoformat(),
        "booked_at": line.booked_at.isoformat(),
        "lane": line.lane,
        "leaf": line.leaf,
    }


def _statement_content(check: StatementCheck) -> dict[str, Any]:
    return {
        "window": check.window,
        "agrees": check.agrees,
        "partner": {kind: _kind_content(total) for kind, total in check.books.items()},
        "hub": {kind: _kind_content(total) for kind, total in check.statement.items()},
        "shared": _kind_content(check.shared),
        "unknown": _kind_content(check.unknown),
        "faults": list(check.faults),
    }


def _kind_content(total: KindTotal) -> dict[str, int]:
    return {"points": total.points, "operations": total.operations}
