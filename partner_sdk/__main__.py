"""`coalition-partner`: keys, operations and receipts from the command line.

Exit codes: 0 done · 1 something was refused, or a receipt is not valid · 2 wrong use or input · 3 no valid answer ·
130 stopped by the keyboard.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from partner_sdk import certificate_command, keys_command, outbox_command, reconcile_command, verify_command
from partner_sdk.errors import (
    CertificateUnusableError,
    CoalitionError,
    HubUnreachableError,
    MessageRejectedError,
    ReceiptInvalidError,
    RefusedError,
)
from partner_sdk.keys import make_key_pair
from partner_sdk.operation import KINDS
from partner_sdk.operation_file import operation_of_flags, read_operations
from partner_sdk.options import hub_of, print_result
from partner_sdk.problem import problem_text
from partner_sdk.refusal_text import refusal_text
from partner_sdk.result import Event, Result

REFUSED, WRONG_USE, NO_ANSWER, STOPPED = 1, 2, 3, 130
# The address of commands that ask nobody (RFC 2606).
NOBODY = "http://nobody.invalid"
# A thumbprint; no option is as long.
DASHED_KEYID = re.compile(r"-[A-Za-z0-9_-]{42}")


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
    print_result(
        content, f"{keyid}\nGive {public_path} to the operator; {options.out} stays here, and secret.", options
    )
    return 0


def _send(options: argparse.Namespace) -> int:
    flags = _given_flags(options)
    if options.what in KINDS:
        operations = [operation_of_flags(options.what, flags)]
    else:
        operations = read_operations(options.what, new_ids=options.new_ids, flags=flags)

    saved: list[str] = []

    async def send() -> list[Result]:
        async with hub_of(options) as hub:
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
    print_result({"results": [_result_fields(result) for result in results]}, text, options)
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
        async with hub_of(options) as hub:
            async for event in hub.events(options.after):
                # One a line as they come, in JSON as well: there may be millions.
                print_result({**event.raw, "cursor": event.cursor}, _event_line(event), options)

    asyncio.run(print_events())
    return 0


def _event_line(event: Event) -> str:
    code = "" if event.result is None or event.result.code is None else f"  {event.result.code}"
    what = f"{event.kind}  {event.verdict}{code}  {event.operation_id or '-'}"
    return f"{event.booked_at.isoformat()}  {what}  cursor {event.cursor or '-'}"


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


class _Parser(argparse.ArgumentParser):
    """Takes a keyid for one, though it may begin with a dash like an option."""

    def _parse_optional(self, arg_string: str) -> Any:
        return None if DASHED_KEYID.fullmatch(arg_string) else super()._parse_optional(arg_string)


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="coalition-partner", description="The partner's side of a coalition."
    )
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

    outbox_command.add_to(commands, kept=kept, online=online)

    certificate_command.add_to(commands, online=online, offline=offline)

    verify_command.add_to(commands, kept)
    return parser


if __name__ == "__main__":
    sys.exit(main())
