"""`coalition-partner outbox`: what waits, what was answered, and what may be done about it."""

import argparse
import asyncio
import json
import sys
from typing import Any

from partner_sdk.options import hub_of, outbox_of, print_result
from partner_sdk.outbox import Outbox
from partner_sdk.outbox_rows import Entry
from partner_sdk.result import Flushed

STATES = ("waiting", "booked", "refused", "rejected", "set_aside")
REFUSED = 1


def add_to(commands: Any, *, kept: argparse.ArgumentParser, online: argparse.ArgumentParser) -> None:
    """Add the commands to the parser's."""
    outbox = commands.add_parser("outbox", help="look at what waits and what was answered")
    commands = outbox.add_subparsers(required=True, metavar="COMMAND")
    listed = commands.add_parser("list", parents=[kept], help="operations by state")
    listed.add_argument("--state", choices=STATES)
    listed.add_argument("--max", type=int, default=100, help="how many to show, oldest first")
    listed.set_defaults(run=_outbox_list)
    show = commands.add_parser("show", parents=[kept], help="one operation and its answer")
    show.add_argument("id")
    show.set_defaults(run=_outbox_show)
    export = commands.add_parser("export", parents=[kept], help="operations as `send FILE` takes them, one a line")
    export.add_argument("--state", choices=[*STATES, "all"], default="waiting", help="default: those that wait")
    export.add_argument("--saved-by", metavar="KEYID", help="only what this key saved; default: all")
    export.set_defaults(run=_outbox_export)
    flush = commands.add_parser("flush", parents=[online], help="send what waits")
    flush.set_defaults(run=_outbox_flush)
    adopted = commands.add_parser("adopt", parents=[online], help="let what an earlier key of yours saved go by --key")
    adopted.add_argument("keyid", help="the earlier key, as `outbox list` names it")
    adopted.set_defaults(run=_outbox_adopt)
    retry = commands.add_parser("retry", parents=[kept], help="make due again what was deferred or set aside")
    retry.add_argument("id", nargs="?", help="only this one, a rejected one too")
    retry.set_defaults(run=_outbox_retry)


def _outbox_list(options: argparse.Namespace) -> int:
    outbox = outbox_of(options)
    counts, entries = outbox.counts(), outbox.entries(state=options.state, entries_max=options.max)
    lines = [_entry_line(entry) for entry in entries]
    lines.append(_counts_text(counts) or "empty")
    content = {"counts": counts, "operations": [_entry_fields(entry) for entry in entries]}
    print_result(content, "\n".join(lines), options)
    return 0


def _outbox_show(options: argparse.Namespace) -> int:
    outbox = outbox_of(options)
    entry = outbox.entry(options.id)
    content = _entry_fields(entry) | {"operation": json.loads(entry.body)}
    if entry.answers:
        receipt = outbox.receipt(entry.id)
        content |= {"answered_at": receipt.received_at.isoformat(), "answer": dict(receipt.result_of(entry.id).raw)}
    print_result(content, json.dumps(content, indent=2), options)
    return 0


def _outbox_export(options: argparse.Namespace) -> int:
    outbox, state = outbox_of(options), None if options.state == "all" else options.state
    is_empty = True
    for body in outbox.bodies(state=state, keyid=options.saved_by):
        print(body.decode())
        is_empty = False
    if is_empty:
        # Not among the lines, which are the input of `send`.
        print(_nothing_exported(outbox, options), file=sys.stderr)
    return 0


def _nothing_exported(outbox: Outbox, options: argparse.Namespace) -> str:
    state = "" if options.state == "all" else f"{options.state} "
    saved_by = "" if options.saved_by is None else f" that key {options.saved_by} saved"
    return f"no {state}operation in {outbox.path}{saved_by}; it holds {_counts_text(outbox.counts()) or 'none'}"


def _counts_text(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _entry_line(entry: Entry) -> str:
    code = "" if entry.code is None else f"  {entry.code}"
    return f"{entry.id}  {entry.state:9}  saved by {entry.saved_by or '-'}{code}"


def _entry_fields(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "state": entry.state,
        "code": entry.code,
        "answers": entry.answers,
        "saved_at": entry.saved_at.isoformat(),
        "saved_by": entry.saved_by,
        "retry_at": None if entry.retry_at is None else entry.retry_at.isoformat(),
        "clock_offset_s": entry.clock_offset_s,
    }


def _outbox_flush(options: argparse.Namespace) -> int:
    async def flush() -> Flushed:
        async with hub_of(options) as hub:
            return await hub.flush()

    figures = asyncio.run(flush())
    names = ("booked", "refused", "rejected", "deferred", "waiting")
    content = {name: getattr(figures, name) for name in names}
    print_result(content, ", ".join(f"{count} {name}" for name, count in content.items()), options)
    return REFUSED if figures.refused or figures.rejected else 0


def _outbox_adopt(options: argparse.Namespace) -> int:
    async def adopt() -> int:
        async with hub_of(options) as hub:
            return await hub.adopt(options.keyid)

    count = asyncio.run(adopt())
    print_result({"adopted": count}, f"{count} adopted: `outbox flush` sends them", options)
    return 0


def _outbox_retry(options: argparse.Namespace) -> int:
    count = outbox_of(options).retry(options.id)
    print_result({"due": count}, f"{count} due again" + (": `outbox flush` sends them" if count else ""), options)
    return 0
