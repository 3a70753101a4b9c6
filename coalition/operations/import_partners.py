"""Take many partners in from one file, all of them or none, with what other packages know of partners.

    {"partners": [{"name": ..., "key": ..., "may_earn": ..., "may_burn": ..., "terms": {...}, SECTION: {...}}, ...]}

A section is mounted by the composition root: the hub checks its form by the section's model, and calls its writer.
"""

import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, create_model, with_config

from coalition.database.pool import Connection, Pool
from coalition.errors import CoalitionError, InvalidTermsError, PartnerFileRefusedError
from coalition.operations.manage_partner import AddedPartner, FirstTerms, take_in

FILE_BYTES_MAX = 16 * 1024 * 1024
PARTNERS_MAX = 10_000
GOT_CHARS_MAX = 80
# Faults of pydantic's for which it does not matter what came.
ABOUT_NAMES = ("missing", "extra_forbidden", "unexpected_keyword_argument")


class Entry(BaseModel):
    """What a file may say: what it names wrongly is refused, never passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True)
class TermsEntry(FirstTerms):
    """First terms, as a file says them."""


class PartnerEntry(Entry):
    """A partner as the hub knows it; `key` is its public key as PEM text."""

    name: str
    key: str
    may_earn: StrictBool = True
    may_burn: StrictBool = True
    terms: TermsEntry = TermsEntry()


# Writes a partner's section: connection, partner, what the file says, the moment, and who acts. It raises
# CoalitionError for what is wrong with it.
Writer = Callable[[Connection, int, Any, datetime, str], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Section:
    """What another package keeps of a partner: how its part of an entry looks, and who writes it."""

    name: str
    model: type[BaseModel]
    write: Writer


def read_partner_file(content: bytes, sections: Sequence[Section] = ()) -> list[PartnerEntry]:
    """Return the partners that a file names.

    Raises PartnerFileRefusedError: names the line of what is no JSON, or else every field that is not as expected.
    """
    if len(content) > FILE_BYTES_MAX:
        raise PartnerFileRefusedError([f"expected at most {FILE_BYTES_MAX:,} bytes, {len(content):,} came"])
    try:
        document = json.loads(
            content, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_object_of
        )
    except json.JSONDecodeError as error:
        raise PartnerFileRefusedError([f"line {error.lineno}, column {error.colno}: {error.msg}"]) from error
    except (ValueError, RecursionError) as error:
        raise PartnerFileRefusedError([f"expected JSON in UTF-8: {error}"]) from error
    try:
        partners: list[PartnerEntry] = _file_model(sections).model_validate(document).partners  # type: ignore[attr-defined]
    except ValidationError as error:
        raise PartnerFileRefusedError([*_form_faults(error)]) from error
    return partners


async def import_partners(
    pool: Pool, entries: Sequence[PartnerEntry], sections: Sequence[Section], *, now: datetime, actor: str
) -> list[AddedPartner]:
    """Take partners in with their sections, in one transaction.

    Raises PartnerFileRefusedError: names everything that is wrong with any of them; then nobody is taken in.
    """
    run = _Import(entries, now, actor)
    async with pool.acquire() as connection, connection.transaction():
        for place in range(len(entries)):
            await run.take_in(connection, place)
        # A section of all before the next one: those at the end may write lanes, after which no partner can be added.
        for section in sections:
            for place in sorted(run.added):
                await run.write(connection, place, section)
        if run.faults:
            raise PartnerFileRefusedError(run.faults)
    return [run.added[place] for place in range(len(entries))]


@dataclass(slots=True)
class _Import:
    """An import under way, within its transaction; each step is a savepoint, so that one fault hides no other."""

    entries: Sequence[PartnerEntry]
    now: datetime
    actor: str
    added: dict[int, AddedPartner] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def take_in(self, connection: Connection, place: int) -> None:
        try:
            async with connection.transaction():
                self.added[place] = await _take_in(connection, self.entries[place], now=self.now, actor=self.actor)
        except InvalidTermsError as error:
            self.faults += [
                f"{self._where(place)}.terms.{fault.field}: expected {fault.expected}, {fault.got!r} came"
                for fault in error.faults
            ]
        except CoalitionError as error:
            self.faults.append(f"{self._where(place)}: {error}")

    async def write(self, connection: Connection, place: int, section: Section) -> None:
        written = getattr(self.entries[place], section.name)
        if written is None:
            return
        try:
            async with connection.transaction():
                await section.write(connection, self.added[place].partner, written, self.now, self.actor)
        except CoalitionError as error:
            self.faults.append(f"{self._where(place)}.{section.name}: {error}")

    def _where(self, place: int) -> str:
        return f"partners[{place}] ({self.entries[place].name[:GOT_CHARS_MAX]})"


async def _take_in(connection: Connection, entry: PartnerEntry, *, now: datetime, actor: str) -> AddedPartner:
    return await take_in(
        connection,
        name=entry.name,
        key_pem=entry.key.encode(),
        terms=entry.terms,
        may_earn=entry.may_earn,
        may_burn=entry.may_burn,
        now=now,
        actor=actor,
    )


def _file_model(sections: Sequence[Section]) -> type[BaseModel]:
    fields: dict[str, Any] = {section.name: (section.model | None, None) for section in sections}
    entry = create_model("PartnerEntryWithSections", __base__=PartnerEntry, **fields)
    partners = Annotated[list[entry], Field(min_length=1, max_length=PARTNERS_MAX)]
    return create_model("PartnerFile", __base__=Entry, partners=(partners, ...))


def _form_faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
        got = "" if fault["type"] in ABOUT_NAMES else f", {str(fault['input'])[:GOT_CHARS_MAX]!r} came"
        yield f"{where or 'the file'}: {fault['msg']}{got}"


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:GOT_CHARS_MAX]!r} stands twice in one object")
    return members


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
