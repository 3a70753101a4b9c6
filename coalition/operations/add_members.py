"""Open accounts with a member and a card each."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from email_validator import EmailNotValidError, validate_email

from coalition.database.pool import Connection, Pool
from coalition.errors import FieldFault, NotFoundError, RequestRefusedError, StateConflictError
from coalition.ledger.operation import TEXT_PATTERN
from coalition.programme.card_number import SERIALS, card_number, normalised
from coalition.stores.accounts import open_accounts
from coalition.stores.cards import Place, add_card_move, add_cards, find_card
from coalition.stores.members import add_members as store_members
from coalition.stores.members import set_may_burn
from coalition.stores.programme import load_programme

LANGUAGES = ("en", "de")
NAME_CHARS_MAX = 100
FAULTS_SHOWN_MAX = 20
GOT_CHARS_MAX = 120


@dataclass(frozen=True, slots=True)
class NewMember:
    """`language` is that of mails and pages, en or de; None: not known, the member's browser tells it. `place` is what
    a fault names beside the field, such as the line of a file."""

    email: str
    name: str
    language: str | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    email: str
    account: int
    card: str


async def add_members(pool: Pool, members: Sequence[NewMember], *, now: datetime) -> list[OpenedAccount]:
    """Open an account for each member, all or none.

    Raises RequestRefusedError that names every bad row; those whose addresses others have once no other is bad."""
    emails = _checked_emails(members)
    async with pool.acquire() as connection, connection.transaction():
        programme = await load_programme(connection)
        places = await open_accounts(connection, count=len(members), lanes=programme.lanes, now=now)
        numbers = await _store(connection, members, emails, places, now=now)
        cards = await issue_cards(connection, [numbers[email] for email in emails], places, now=now)
    return [OpenedAccount(*row) for row in zip(emails, [place.account for place in places], cards, strict=True)]


async def join_household(
    pool: Pool, card: str, member: NewMember, *, may_burn: bool, now: datetime, actor: str
) -> OpenedAccount:
    """Give a further member a card of his own on an account that is there; he collects on it, and spends if he may.

    Raises NotFoundError, StateConflictError where the card is not active, and what `add_members` raises."""
    (email,) = _checked_emails([member])
    async with pool.acquire() as connection, connection.transaction():
        row = await find_card(connection, normalised(card))
        if row is None:
            raise NotFoundError(f"there is no card {card}")
        if row.state != "active":
            raise StateConflictError(f"card {row.card} is {row.state}; expected active")
        numbers = await _store(connection, [member], [email], [row.place], now=now)
        await set_may_burn(connection, numbers[email], may_burn=may_burn)
        (issued,) = await issue_cards(connection, [numbers[email]], [row.place], now=now)
        await add_card_move(connection, issued, what="joined", actor=actor, now=now)
    return OpenedAccount(email, row.place.account, issued)


async def _store(
    connection: Connection,
    members: Sequence[NewMember],
    emails: Sequence[str],
    places: Sequence[Place],
    *,
    now: datetime,
) -> dict[str, int]:
    """Store members with their addresses as they are kept; return their numbers by address."""
    numbers = await store_members(
        connection,
        emails=emails,
        names=[member.name for member in members],
        languages=[member.language for member in members],
        places=places,
        now=now,
    )
    _refuse(
        [
            _fault(member, "email", "email_taken", "an address that no member has")
            for member, email in zip(members, emails, strict=True)
            if email not in numbers
        ]
    )
    return numbers


def _checked_emails(members: Sequence[NewMember]) -> list[str]:
    places: dict[str, str] = {}
    faults: list[FieldFault] = []
    for member in members:
        try:
            email = kept_email(member.email)
            if email in places:
                expected = f"each address once; {places[email] or 'another member'} has the same"
                faults.append(_fault(member, "email", "email_twice", expected))
            places.setdefault(email, member.place)
        except EmailNotValidError as error:
            expected = f"an e-mail address ({str(error).rstrip('.')})"
            faults.append(_fault(member, "email", "email_invalid", expected))
        if member.language is not None and member.language not in LANGUAGES:
            faults.append(_fault(member, "language", "language_unknown", " or ".join(LANGUAGES)))
        if not (member.name.strip() and len(member.name) <= NAME_CHARS_MAX and re.fullmatch(TEXT_PATTERN, member.name)):
            expected = f"1 to {NAME_CHARS_MAX} characters on one line, not only spaces"
            faults.append(_fault(member, "name", "name_invalid", expected))
    _refuse(faults)
    return list(places)


def _refuse(faults: Sequence[FieldFault]) -> None:
    if faults:
        told = [f"{fault.field}: expected {fault.expected}, {fault.got!r} came" for fault in faults[:FAULTS_SHOWN_MAX]]
        more = [f"and {len(faults) - FAULTS_SHOWN_MAX:,} more"] if len(faults) > FAULTS_SHOWN_MAX else []
        detail = "; ".join(told + more)
        raise RequestRefusedError(status=422, code="member_invalid", detail=detail, faults=tuple(faults))


def _fault(member: NewMember, field: Literal["email", "name", "language"], code: str, expected: str) -> FieldFault:
    got = (getattr(member, field) or "")[:GOT_CHARS_MAX]
    return FieldFault(f"{member.place}, {field}" if member.place else field, code, expected, got)


def kept_email(email: str) -> str:
    """Return an address as it is kept, however it was typed: browsers turn the domain bücher.example into
    xn--bcher-kva.example before they send it. Raises EmailNotValidError."""
    # Looked at, not looked up: a mail server that is away must not stop an import.
    return validate_email(email, check_deliverability=False, test_environment=True).normalized.lower()


async def issue_cards(
    connection: Connection, members: Sequence[int], places: Sequence[Place], *, now: datetime
) -> list[str]:
    """Issue a card to each member; numbers are drawn at random, so that nobody can guess his neighbour's."""
    issued: dict[int, str] = {}
    waiting = dict(zip(members, places, strict=True))
    while waiting:
        drawn: dict[str, tuple[int, Place]] = {}
        for member, place in waiting.items():
            drawn[card_number(secrets.randbelow(SERIALS))] = (member, place)
        for card in await add_cards(connection, drawn, issued_at=now):
            issued[drawn[card][0]] = card
        waiting = {member: place for member, place in waiting.items() if member not in issued}
    return [issued[member] for member in members]
