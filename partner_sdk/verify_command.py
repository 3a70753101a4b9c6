"""`coalition-partner verify`: the evidence in the outbox, checked offline; with an address, gathered first."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from partner_sdk.errors import BooksInvalidError, FieldFault, OutboxError
from partner_sdk.gather_evidence import Gathered
from partner_sdk.keys import load_public_key
from partner_sdk.options import hub_of, outbox_of
from partner_sdk.outbox import existing_outbox
from partner_sdk.verify_evidence import verify_evidence
from partner_sdk.verify_receipts import verify_receipts

NOT_VALID = 1
PRICES = ("issue_price", "service_fee", "redemption_price", "commission", "platform_fee")


def add_to(commands: Any, kept: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    verify = commands.add_parser("verify", parents=[kept], help="check receipts, proofs and bills, offline")
    verify.add_argument("--url", help="the hub's address: gather checkpoint, proofs and statements first")
    verify.add_argument("--give-up-after", type=float, default=60.0, metavar="SECONDS")
    verify.add_argument("--proofs-max", type=int, metavar="N", help="ask for so many proofs; default: all that lack")
    verify.add_argument("--terms", type=Path, metavar="FILE", help="the contract's prices by version, as JSON")
    verify.add_argument(
        "--also", type=Path, action="append", default=[], metavar="OUTBOX", help="one more outbox behind the bills"
    )
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    prices = None if options.terms is None else read_prices(options.terms)
    outbox, others = outbox_of(options), [existing_outbox(other) for other in options.also]
    if options.url is not None:
        asyncio.run(_gather(options))
    named = None if options.hub_key is None else load_public_key(options.hub_key)
    receipts = verify_receipts(outbox, hub_key=named)
    evidence = verify_evidence(outbox, hub_key=named, prices=prices, more_outboxes=others)
    figures, faults = receipts.figures() | evidence.figures(), [*receipts.faults, *evidence.faults]
    if options.json:
        print(json.dumps(figures | {"faults": faults}))
    else:
        lines = [f"{name.replace('_', ' ')}: {figure}" for name, figure in figures.items()]
        print("\n".join(lines + [f"NOT VALID  {fault}" for fault in faults]))
    return NOT_VALID if faults else 0


async def _gather(options: argparse.Namespace) -> None:
    if options.key is None:
        raise OutboxError("--url needs --key: the hub is asked as this partner")
    async with hub_of(options) as hub:
        await hub.gather_evidence(_print_progress, proofs_max=options.proofs_max)


def _print_progress(so_far: Gathered) -> None:
    if sys.stderr.isatty():
        print(f"\r{so_far.proofs} proofs, {so_far.statements} statements", end="", file=sys.stderr, flush=True)


def read_prices(path: Path) -> Mapping[int, Mapping[str, Decimal]]:
    """Return a contract's prices by terms version, from a list of objects. Raises BooksInvalidError with each fault."""
    try:
        versions = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as fault:
        raise BooksInvalidError(path, [FieldFault("", str(fault))]) from fault
    if not isinstance(versions, list):
        raise BooksInvalidError(path, [FieldFault("", "expected a list of terms versions")])
    prices: dict[int, Mapping[str, Decimal]] = {}
    faults: list[FieldFault] = []
    for number, terms in enumerate(versions, start=1):
        try:
            prices[int(terms["version"])] = {name: Decimal(terms.get(name, 0)) for name in PRICES}
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation):
            faults.append(FieldFault(f"{number}", f"expected version and the decimals {', '.join(PRICES)}"))
    if faults:
        raise BooksInvalidError(path, faults)
    return prices
