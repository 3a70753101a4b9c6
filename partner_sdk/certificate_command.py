"""`coalition-partner certificate`: burns without a network."""

import argparse
import asyncio
from typing import Any

from partner_sdk.certificate import Certificate
from partner_sdk.options import hub_of, print_result


def add_to(commands: Any, *, online: argparse.ArgumentParser, offline: argparse.ArgumentParser) -> None:
    """Add the commands to the parser's."""
    certificate = commands.add_parser("certificate", help="burn without a network, within what the hub signed before")
    commands = certificate.add_subparsers(required=True, metavar="COMMAND")
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


def _certificate_get(options: argparse.Namespace) -> int:
    async def get() -> Certificate:
        async with hub_of(options) as hub:
            return await hub.certificate(
                card=options.card, till=options.till, points=options.points, valid_s=options.valid_s
            )

    certificate = asyncio.run(get())
    print_result(_certificate_fields(certificate), _certificate_line(certificate), options)
    return 0


def _certificate_list(options: argparse.Namespace) -> int:
    async def read() -> list[Certificate]:
        async with hub_of(options) as hub:
            return hub.certificates(options.card)

    certificates = asyncio.run(read())
    lines = [_certificate_line(certificate) for certificate in certificates]
    content = {"certificates": [_certificate_fields(certificate) for certificate in certificates]}
    print_result(content, "\n".join(lines) or "none", options)
    return 0


def _certificate_burn(options: argparse.Namespace) -> int:
    async def burn() -> str:
        async with hub_of(options) as hub:
            return hub.burn_offline(
                card=options.card,
                points=options.points,
                certificate=options.certificate,
                shop=options.shop,
                reference=options.reference,
                id=options.id,
            )

    operation_id = asyncio.run(burn())
    print_result({"id": operation_id}, f"{operation_id}  saved: `outbox flush` sends it", options)
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
