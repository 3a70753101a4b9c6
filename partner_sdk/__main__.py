"""`coalition-partner`: keys, operations and receipts from the command line.

Exit codes: 0 done · 1 something was refused, or a receipt is not valid · 2 wrong use or input · 3 no valid answer ·
130 stopped by the keyboard.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partner_sdk import keys_command, reconcile_command, verify_command
from partner_sdk.certificate import Certificate
from partner_sdk.client import Coalition
from partner_sdk.connection import default_outbox
from partner_sdk.errors import (
    CertificateUnusableError,
    CoalitionError,
    HubUnreachableError,
    MessageRejectedError,
    OutboxError,
    ReceiptInvalidError,
    RefusedError,
)
from partner_sdk.keys import make_key_pair
from partner_sdk.operation import KINDS
from partner_sdk.operation_file import operation_of_flags, read_operations
from partner_sdk.outbox import Outbox, existing_outbox
from partner_sdk.outbox_rows import Entry
from partner_sdk.problem import problem_text
from partner_sdk.refusal_text import refusal_text
from partner_sdk.result import Event, Flushed, Result

REFUSED, WRONG_USE, NO_ANSWER, STOPPED = 1, 2, 3, 130
# The address of commands that ask nobody (RFC 2606).
NOBODY = "http://nobody.invalid"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options))
        # Here, so that a reader that has gone is noticed within this `try`.
        sys.stdout.flush()
        return code
    except CoalitionError as fault:
        _print_fault(fault, as_json=options.json)
        return _exit_code(fault)
    except KeyboardInterrupt as stopped:
        print("\n".join(["stopped", *_notes(stopped)]), file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # Who reads, as `head` does, has enough; what is still to be written must not fail once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def _exit_code(fault: CoalitionError) -> int:
    if isinstance(fault, HubUnreachableError | ReceiptInvalidError):
        return NO_ANSWER
    return REFUSED if isinstance(fault, RefusedError | CertificateUnusableError) else WRONG_USE


def _print_fault(fault: CoalitionError, *, as_json: bool) -> None:
    if as_json:
        content = {"error": fault.code, "text": str(fault), "retryable": fault.is_retryable}
        print(json.dumps(content | {"request_id": fault.request_id, "notes": _notes(fault)}))
    else:
        # A refusal's own text says its code, beside the status or the operation.
        says_code = isinstance(fault, MessageRejectedError | RefusedError)
        text = str(fault) if says_code else f"{fault.code}: {fault}"
        print("\n".join([text, *_notes(fault)]), file=sys.stderr)


def _notes(fault: BaseException) -> list[str]:
    """Return what to do next, where whoever raised it could tell."""
    return list(getattr(fault, "__notes__", ()))


def _keygen(options: argparse.Namespace) -> int:
    public_path, keyid = make_key_pair(options.out)
    content = {"private_key": str(options.out), "public_key": str(public_path), "keyid": keyid}
    _print(content, f"{keyid}\nGive {public_path} to the operator; {options.out} stays here, and secret.", options)
    return 0


def _send(options: argparse.Namespace) -> int:
    flags = _given_flags(options)
    if options.what in KINDS:
        operations = [operation_of_flags(options.what, flags)]
    else:
        operations = read_operations(options.what, new_ids=options.new_ids, flags=flags)

    saved: list[str] = []

    async def send() -> list[Result]:
        async with _hub(options) as hub:
            saved.extend(hub.put_many(operations))
            return await hub.send(operations)

    try:
        results = asyncio.run(send())
    except (CoalitionError, KeyboardInterrupt) as fault:
        if saved:
            # Whoever repeats the command line instead makes new operations, and books twice.
            what = f"operation {saved[0]} is" if len(saved) == 1 else f"{len(saved)} operations are"
            fault.add_note(f"{what} saved in the outbox: `outbox flush` sends what waits; do not `send` anew")
        raise
    text = "\n".join(_result_line(result) for result in results) or "no operations"
    _print({"results": [_result_fields(result) for result in results]}, text, options)
    return 0 if all(result.is_booked for result in results) else REFUSED


def _given_flags(options: argparse.Namespace) -> dict[str, Any]:
    flags = {name: getattr(options, name) for name in _OPERATION_FLAGS}
    return {name: value for name, value in flags.items() if value is not None}


def _result_line(result: Result) -> str:
    if result.is_booked:
        until = "" if result.expires_at is None else f", until {result.expires_at.isoformat()}"
        figures = f"{result.points} points, balance {result.balance}, available {result.available}"
        return f"{result.id}  booked  {figures}{until}"
    if result.verdict == "rejected":
        # The message was this operation alone.
        return f"{result.id}  rejected  {problem_text(result.raw, without='operations.0.')}"
    return f"{result.id}  refused  {refusal_text(result)}"


def _result_fields(result: Result) -> dict[str, Any]:
    return {**result.raw, "id": result.id, "verdict": result.verdict}


def _events(options: argparse.Namespace) -> int:
    async def print_events() -> None:
        async with _hub(options) as hub:
            async for event in hub.events(options.after):
                # One a line as they come, in JSON as well: there may be millions.
                _print({**event.raw, "cursor": event.cursor}, _event_line(event), options)

    asyncio.run(print_events())
    return 0


def _event_line(event: Event) -> str:
    code = "" if event.result is None or event.result.code is None else f"  {event.result.code}"
    what = f"{event.kind}  {event.verdict}{code}  {event.operation_id or '-'}"
    return f"{event.booked_at.isoformat()}  {what}  cursor {event.cursor or '-'}"


def _certificate_get(options: argparse.Namespace) -> int:
    async def get() -> Certificate:
        async with _hub(options) as hub:
            return await hub.certificate(
                card=options.card, till=options.till, points=options.points, valid_s=options.valid_s
            )

    certificate = asyncio.run(get())
    _print(_certificate_fields(certificate), _certificate_line(certificate), options)
    return 0


def _certificate_list(options: argparse.Namespace) -> int:
    async def read() -> list[Certificate]:
        async with _hub(options) as hub:
            return hub.certificates(options.card)

    certificates = asyncio.run(read())
    lines = [_certificate_line(certificate) for certificate in certificates]
    content = {"certificates": [_certificate_fields(certificate) for certificate in certificates]}
    _print(content, "\n".join(lines) or "none", options)
    return 0


def _certificate_burn(options: argparse.Namespace) -> int:
    async def burn() -> str:
        async with _hub(options) as hub:
            return hub.burn_offline(
                card=options.card,
                points=options.points,
                certificate=options.certificate,
                shop=options.shop,
                reference=options.reference,
                id=options.id,
            )

    operation_id = asyncio.run(burn())
    _print({"id": operation_id}, f"{operation_id}  saved: `outbox flush` sends it", options)
    return 0


def _certificate_line(certificate: Certificate) -> str:
    until = certificate.not_after.isoformat()
    whose = f"{certificate.id}  card {certificate.card}  till {certificate.till}"
    return f"{whose}  {certificate.left} of {certificate.points} left  until {until}"


def _certificate_fields(certificate: Certificate) -> dict[str, Any]:
    return {
        "id": certificate.id,
        "card": certificate.card,
        "till": certificate.till,
        "points": certificate.points,
        "left": certificate.left,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "next_counter": certificate.next_counter,
    }


def _outbox_list(options: argparse.Namespace) -> int:
    outbox = _outbox(options)
    counts, entries = outbox.counts(), outbox.entries(state=options.state, entries_max=options.max)
    lines = [_entry_line(entry) for entry in entries]
    lines.append(_counts_text(counts) or "empty")
    content = {"counts": counts, "operations": [_entry_fields(entry) for entry in entries]}
    _print(content, "\n".join(lines), options)
    return 0


def _outbox_show(options: argparse.Namespace) -> int:
    outbox = _outbox(options)
    entry = outbox.entry(options.id)
    content = _entry_fields(entry) | {"operation": json.loads(entry.body)}
    if entry.answers:
        receipt = outbox.receipt(entry.id)
        content |= {"answered_at": receipt.received_at.isoformat(), "answer": dict(receipt.result_of(entry.id).raw)}
    _print(content, json.dumps(content, indent=2), options)
    return 0


def _outbox_export(options: argparse.Namespace) -> int:
    outbox, state = _outbox(options), None if options.state == "all" else options.state
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
        async with _hub(options) as hub:
            return await hub.flush()

    figures = asyncio.run(flush())
    names = ("booked", "refused", "rejected", "deferred", "waiting")
    content = {name: getattr(figures, name) for name in names}
    _print(content, ", ".join(f"{count} {name}" for name, count in content.items()), options)
    return REFUSED if figures.refused or figures.rejected else 0


def _outbox_retry(options: argparse.Namespace) -> int:
    count = _outbox(options).retry(options.id)
    _print({"due": count}, f"{count} due again" + (": `outbox flush` sends them" if count else ""), options)
    return 0


def _outbox_adopt(options: argparse.Namespace) -> int:
    async def adopt() -> int:
        async with _hub(options) as hub:
            return await hub.adopt(options.keyid)

    count = asyncio.run(adopt())
    _print({"adopted": count}, f"{count} adopted: `outbox flush` sends them", options)
    return 0


def _hub(options: argparse.Namespace) -> Coalition:
    return Coalition(
        options.url, options.key, outbox=options.outbox, hub_key=options.hub_key, give_up_after_s=options.give_up_after
    )


def _outbox(options: argparse.Namespace) -> Outbox:
    path = options.outbox or (default_outbox(options.key) if options.key else None)
    if path is None:
        raise OutboxError("name the outbox: --outbox FILE, or --key PEM for the one beside it")
    return existing_outbox(path)


def _print(content: dict[str, Any], text: str, options: argparse.Namespace) -> None:
    print(json.dumps(content) if options.json else text)


STATES = ("waiting", "booked", "refused", "rejected", "set_aside")
_OPERATION_FLAGS: dict[str, Callable[[str], Any]] = {
    "card": str,
    "points": int,
    "promotion": str,
    "timeout_s": int,
    "step_up_code": str,
    "operation_id": str,
    "reserve_id": str,
    "occurred_at": str,
    "shop": str,
    "till": str,
    "reference": str,
    "id": str,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coalition-partner", description="The partner's side of a coalition.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--json", action="store_true", help="print JSON")
    kept = argparse.ArgumentParser(add_help=False, parents=[every])
    online = argparse.ArgumentParser(add_help=False, parents=[every])
    offline = argparse.ArgumentParser(add_help=False, parents=[every])
    for keeping in (kept, online, offline):
        keeping.add_argument("--key", type=Path, required=keeping is not kept, help="this partner's private key in PEM")
        keeping.add_argument("--outbox", type=Path, help="default: beside the key, shop.pem has shop.outbox.sqlite")
        keeping.add_argument("--hub-key", type=Path, help="the hub's public key in PEM; default: pinned on first use")
    online.add_argument("--url", required=True, help="the hub's address")
    online.add_argument("--give-up-after", type=float, default=60.0, metavar="SECONDS")
    # Taken all the same, so that a till's script has one set of flags for all commands.
    offline.add_argument("--url", default=NOBODY, help=argparse.SUPPRESS)
    offline.add_argument("--give-up-after", type=float, default=0.0, help=argparse.SUPPRESS)

    keygen = commands.add_parser("keygen", parents=[every], help="make a key pair")
    keygen.add_argument("--out", type=Path, required=True, help="where the private key goes, such as shop.pem")
    keygen.set_defaults(run=_keygen)

    keys_command.add_to(commands, every)

    send = commands.add_parser("send", parents=[online], help="save operations in the outbox and send them")
    send.add_argument("what", help=f"{', '.join(KINDS)}; or a .json or .jsonl file of operations, or - for stdin")
    send.add_argument(
        "--new-ids", action="store_true", help="make ids for operations without: a second run books twice"
    )
    for flag, kind in _OPERATION_FLAGS.items():
        send.add_argument(f"--{flag.replace('_', '-')}", type=kind)
    send.set_defaults(run=_send)

    events = commands.add_parser("events", parents=[online], help="what happened to this partner's operations")
    events.add_argument("--after", metavar="CURSOR", help="go on after this cursor; default: from the beginning")
    events.set_defaults(run=_events)

    reconcile_command.add_to(commands, online)

    outbox = commands.add_parser("outbox", help="look at what waits and what was answered")
    _add_outbox_commands(outbox.add_subparsers(required=True, metavar="COMMAND"), kept=kept, online=online)

    certificate = commands.add_parser("certificate", help="burn without a network, within what the hub signed before")
    _add_certificate_commands(
        certificate.add_subparsers(required=True, metavar="COMMAND"), online=online, offline=offline
    )

    verify_command.add_to(commands, kept)
    return parser


def _add_certificate_commands(
    commands: Any, *, online: argparse.ArgumentParser, offline: argparse.ArgumentParser
) -> None:
    get = commands.add_parser("get", parents=[online], help="ask the hub for one, for a card and a till")
    for flag, kind in (("card", str), ("till", str), ("points", int)):
        get.add_argument(f"--{flag}", type=kind, required=True)
    get.add_argument("--valid-s", type=int, default=4 * 3_600, metavar="SECONDS", help="60 to 86400, default 4 hours")
    get.set_defaults(run=_certificate_get)
    listed = commands.add_parser("list", parents=[offline], help="those kept, with what is left of them; asks nobody")
    listed.add_argument("--card")
    listed.set_defaults(run=_certificate_list)
    burn = commands.add_parser("burn", parents=[offline], help="save a burn within one; asks nobody")
    for flag, kind in (("card", str), ("points", int), ("certificate", str)):
        burn.add_argument(f"--{flag}", type=kind, required=True)
    for flag in ("shop", "reference", "id"):
        burn.add_argument(f"--{flag}")
    burn.set_defaults(run=_certificate_burn)


def _add_outbox_commands(commands: Any, *, kept: argparse.ArgumentParser, online: argparse.ArgumentParser) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
