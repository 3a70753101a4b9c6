"""Sets the programme up as an operator would: its own details, partners and members from a file each."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from coalition.demo.commands import Commands
from coalition.demo.folder import DemoFolder
from coalition.demo.legal_parties import CREDITOR_ID, OPERATOR, PARTIES
from coalition.demo.members import Member, member_of
from coalition.demo.partners import PARTNERS, STANDARD_VAT, Partner
from partner_sdk import make_key_pair

# Starting a command costs more than what it does; more of them at once than cores gain nothing.
COMMANDS_AT_ONCE = 2
# Of `set_up`: partners, the operator, members.
STEPS = 3
DATEV_CONSULTANT, DATEV_CLIENT = "1001", "1"

Done = Callable[[], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Programme:
    """Who takes part: each partner's key file by slug, each household's card by its id."""

    keys: dict[str, Path]
    cards: dict[int, str]


async def set_up(commands: Commands, folder: DemoFolder, household_ids: Iterable[int], done: Done) -> Programme:
    """Take in every partner and open an account for each household; `done` is called after each of STEPS.

    Raises CommandFailedError.
    """
    for path in (folder.partners, folder.reports):
        path.mkdir(mode=0o700)
    running = asyncio.Semaphore(COMMANDS_AT_ONCE)

    async def step(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with running:
            result = await work()
        done()
        return result

    try:
        async with asyncio.TaskGroup() as group:
            keys = group.create_task(step(lambda: _import_partners(commands, folder)))
            group.create_task(step(lambda: _set_operator_up(commands)))
            cards = group.create_task(step(lambda: _import_members(commands, folder, household_ids)))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return Programme(keys.result(), cards.result())


async def _set_operator_up(commands: Commands) -> None:
    """Write down who the operator is, where it is paid, and how its tax adviser books."""
    await commands.run_json("operator", "party", *OPERATOR.options())
    await commands.run_json("operator", "bank", "set", "--iban", OPERATOR.iban, "--creditor-id", CREDITOR_ID)
    await commands.run_json("datev", "set", "--consultant", DATEV_CONSULTANT, "--client", DATEV_CLIENT)


async def _import_partners(commands: Commands, folder: DemoFolder) -> dict[str, Path]:
    keys = {partner.slug: folder.partners / f"{partner.slug}.pem" for partner in PARTNERS}
    entries = [_entry(partner, make_key_pair(keys[partner.slug])[0].read_text()) for partner in PARTNERS]
    file = folder.path / "partners.json"
    with folder.open_private(file) as opened:
        json.dump({"partners": entries}, opened, indent=2, ensure_ascii=False)
    await commands.run_json("partner", "import", str(file))
    return keys


def _entry(partner: Partner, public_key: str) -> dict[str, Any]:
    """Return a partner as `partner import` takes it."""
    party = PARTIES[partner.slug]
    blocks = {"points": partner.block_points, "warn_below": partner.block_points // 4}
    return {
        "name": partner.name,
        "key": public_key,
        "terms": {
            "earn_rate": str(partner.earn_rate),
            "issue_price": str(partner.issue_price),
            "service_fee": str(partner.service_fee),
            "redemption_price": str(partner.redemption_price),
            "commission": str(partner.commission),
            "platform_fee": str(partner.platform_fee),
            "charge_vat": STANDARD_VAT,
            "fee_vat": STANDARD_VAT,
            "redemption_vat": partner.redemption_vat,
            "funding": partner.funding,
        },
        "party": party.party_section(),
        "bank": party.bank_section(partner.slug),
        "prepaid": blocks if partner.block_points else None,
    }


async def _import_members(commands: Commands, folder: DemoFolder, household_ids: Iterable[int]) -> dict[int, str]:
    members = [member_of(household_id) for household_id in household_ids]
    file = folder.path / "members.csv"
    with folder.open_private(file) as opened:
        opened.write(_members_csv(members))
    accounts = await commands.run_json("member", "import", str(file))
    cards = {account["email"]: account["card"] for account in accounts}
    return {member.household_id: cards[member.email] for member in members}


def _members_csv(members: Iterable[Member]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("email", "name", "language"))
    writer.writerows((member.email, member.name, member.language) for member in members)
    return text.getvalue()
