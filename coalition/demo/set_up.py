"""Sets the programme up as an operator would: partners with keys and terms, members from a file."""

import asyncio
import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from coalition.demo.commands import Commands
from coalition.demo.folder import DemoFolder
from coalition.demo.legal_parties import OPERATOR, PARTIES
from coalition.demo.members import Member, member_of
from coalition.demo.partners import PARTNERS, STANDARD_VAT, Partner
from partner_sdk import make_key_pair

# Starting a command costs more than what it does; more of them at once than cores gain nothing.
COMMANDS_AT_ONCE = 2
LANGUAGE = "en"

Done = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Programme:
    """Who takes part: each partner's key file by slug, each household's card by its id."""

    keys: dict[str, Path]
    cards: dict[int, str]


async def set_up(commands: Commands, folder: DemoFolder, household_ids: Iterable[int], done: Done) -> Programme:
    """Take in every partner and open an account for each household; `done` is called after each command.

    Raises CommandFailedError.
    """
    folder.partners.mkdir()
    await commands.run_json("operator", "party", *OPERATOR.options())
    running = asyncio.Semaphore(COMMANDS_AT_ONCE)

    async def add_partner(partner: Partner) -> Path:
        async with running:
            key = await _add_partner(commands, folder, partner)
        done()
        return key

    async def add_members() -> dict[int, str]:
        async with running:
            cards = await _import_members(commands, folder, household_ids)
        done()
        return cards

    try:
        async with asyncio.TaskGroup() as group:
            cards = group.create_task(add_members())
            keys = {partner.slug: group.create_task(add_partner(partner)) for partner in PARTNERS}
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return Programme({slug: key.result() for slug, key in keys.items()}, cards.result())


async def _add_partner(commands: Commands, folder: DemoFolder, partner: Partner) -> Path:
    key = folder.partners / f"{partner.slug}.pem"
    public_key, _ = make_key_pair(key)
    await commands.run_json(
        *("partner", "add", partner.name, "--key", str(public_key)),
        *("--earn-rate", str(partner.earn_rate)),
        *("--issue-price", str(partner.issue_price)),
        *("--service-fee", str(partner.service_fee)),
        *("--redemption-price", str(partner.redemption_price)),
        *("--commission", str(partner.commission)),
        *("--platform-fee", str(partner.platform_fee)),
        *("--charge-vat", STANDARD_VAT, "--fee-vat", STANDARD_VAT, "--redemption-vat", partner.redemption_vat),
        *("--funding", partner.funding),
    )
    if partner.block_points:
        await commands.run_json("prepaid", "buy", partner.name, str(partner.block_points))
        await commands.run_json("prepaid", "set", partner.name, "--warn-below", str(partner.block_points // 4))
    await commands.run_json("partner", "party", partner.name, *PARTIES[partner.slug].options())
    return key


async def _import_members(commands: Commands, folder: DemoFolder, household_ids: Iterable[int]) -> dict[int, str]:
    members = [member_of(household_id) for household_id in household_ids]
    file = folder.path / "members.csv"
    file.write_text(_members_csv(members))
    opened = await commands.run_json("member", "import", str(file))
    cards = {account["email"]: account["card"] for account in opened}
    return {member.household_id: cards[member.email] for member in members}


def _members_csv(members: Iterable[Member]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("email", "name", "language"))
    writer.writerows((member.email, member.name, LANGUAGE) for member in members)
    return text.getvalue()
