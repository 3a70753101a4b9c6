"""What partners' terms say: those that run, those that follow, and what waits for approval beside them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from coalition.database.pool import Connection, Pool
from coalition.name_order import name_order
from settlement.engine.terms import terms_valid_at
from settlement.errors import UnknownDraftError, UnknownPartnerError
from settlement.stores.hub import Programme, load_partner_names, load_programme
from settlement.stores.terms import StoredTerms, load_all_terms, load_terms
from settlement.stores.terms_drafts import TermsDraft, find_draft, load_drafts


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerTerms:
    """A partner's versions, first to last, and the drafts of it that nobody has decided."""

    partner: int
    name: str
    versions: tuple[StoredTerms, ...]
    drafts: tuple[TermsDraft, ...]

    @property
    def last(self) -> StoredTerms | None:
        return self.versions[-1] if self.versions else None

    def running_at(self, moment: datetime) -> StoredTerms | None:
        """Return the version that holds for sales of a moment; None: there is none yet."""
        terms = terms_valid_at((stored.terms for stored in self.versions), moment)
        return next((stored for stored in self.versions if stored.terms is terms), None)

    def before(self, draft: TermsDraft) -> StoredTerms | None:
        """Return the version that a draft was made after."""
        return self.versions[draft.base_version - 1] if draft.base_version else None


async def report_terms(pool: Pool) -> list[PartnerTerms]:
    """Return the terms of all partners, by name."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        programme = await load_programme(connection)
        names = await load_partner_names(connection)
        versions = await load_all_terms(connection, programme)
        drafts = await load_drafts(connection, programme)
    versions_of, drafts_of = defaultdict(list), defaultdict(list)
    for stored in versions:
        versions_of[stored.terms.partner].append(stored)
    for draft in drafts:
        drafts_of[draft.partner].append(draft)
    return [
        PartnerTerms(partner=partner, name=name, versions=tuple(versions_of[partner]), drafts=tuple(drafts_of[partner]))
        for partner, name in sorted(names.items(), key=lambda item: (name_order(item[1]), item[0]))
    ]


async def report_partner_terms(pool: Pool, partner: int) -> PartnerTerms:
    """Return the terms of one partner.

    Raises:
        UnknownPartnerError: there is no such partner.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await _load(connection, partner, await load_programme(connection))


async def report_draft(pool: Pool, draft_no: int) -> tuple[TermsDraft, PartnerTerms]:
    """Return a draft, decided or not, with the terms of its partner.

    Raises:
        UnknownDraftError: there is no such draft.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        programme = await load_programme(connection)
        draft = await find_draft(connection, draft_no, programme, is_locked=False)
        if draft is None:
            raise UnknownDraftError(draft=draft_no)
        return draft, await _load(connection, draft.partner, programme)


async def _load(connection: Connection, partner: int, programme: Programme) -> PartnerTerms:
    names = await load_partner_names(connection)
    if partner not in names:
        raise UnknownPartnerError(partner=partner)
    drafts = await load_drafts(connection, programme)
    return PartnerTerms(
        partner=partner,
        name=names[partner],
        versions=tuple(await load_terms(connection, partner, programme)),
        drafts=tuple(draft for draft in drafts if draft.partner == partner),
    )
