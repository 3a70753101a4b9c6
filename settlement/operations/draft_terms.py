"""Draft a version of a partner's terms, and have somebody else approve it."""

from datetime import datetime

from coalition.database.pool import Connection, Pool
from settlement.errors import DraftDecidedError, StaleDraftError, TermsDrafterError, UnknownDraftError
from settlement.operations.add_terms import (
    TermsChange,
    lock_versions,
    make_version,
    next_version,
    refuse_wrong_start,
    says_the_same,
)
from settlement.stores.hub import load_programme
from settlement.stores.terms import StoredTerms
from settlement.stores.terms_drafts import TermsDraft, decide_draft, find_draft, insert_draft, load_drafts


async def draft_terms(
    pool: Pool,
    partner: int,
    change: TermsChange,
    *,
    valid_from: datetime,
    seen_version: int | None = None,
    now: datetime,
    actor: str,
) -> TermsDraft:
    """Keep what the next version of a partner's terms would say; it holds for nothing until somebody approves it.

    `seen_version` is the last version, if the change was made beside it. The same draft by the same person, sent
    again, is the one that is there.

    Raises:
        UnknownPartnerError: there is no such partner.
        StaleDraftError: the partner has got another version than that which was seen.
        InvalidTermsError: fields break a limit, or `valid_from` is past or not after the version before.
    """
    async with pool.acquire() as connection, connection.transaction():
        versions, programme = await lock_versions(connection, partner)
        if seen_version is not None and seen_version != len(versions):
            raise StaleDraftError(expected=seen_version, actual=len(versions))
        drafted = next_version(
            versions, partner, change, programme=programme, valid_from=valid_from, now=now, actor=actor
        )
        for draft in await load_drafts(connection, programme):
            is_mine = draft.partner == partner and draft.stored.created_by == actor
            if is_mine and draft.base_version == len(versions) and says_the_same(draft.stored, drafted):
                return draft
        refuse_wrong_start(versions, drafted, now=now)
        return await insert_draft(connection, drafted, base_version=len(versions))


async def approve_draft(
    pool: Pool, draft_no: int, *, now: datetime, actor: str, is_second_person_needed: bool = True
) -> StoredTerms:
    """Make a draft the next version of its partner's terms; one that is approved already stays as it is.

    Whoever drafted it may not approve it, unless `is_second_person_needed` is turned off, for the operator's own
    shell. Running hubs are told.

    Raises:
        UnknownDraftError: there is no such draft.
        DraftDecidedError: it was withdrawn.
        TermsDrafterError: the actor is who drafted it.
        StaleDraftError: the partner has got another version since.
        InvalidTermsError: it would begin in the past by now.
    """
    async with pool.acquire() as connection, connection.transaction():
        draft = await _lock_draft(connection, draft_no)
        if draft.state == "WITHDRAWN":
            raise DraftDecidedError(draft=draft_no, state=draft.state, decided_by=draft.decided_by or "")
        versions, _ = await lock_versions(connection, draft.partner)
        if draft.state == "APPROVED":
            return next(stored for stored in versions if stored.terms.version == draft.version)
        if is_second_person_needed and actor == draft.stored.created_by:
            raise TermsDrafterError(draft=draft_no, actor=actor)
        if len(versions) != draft.base_version:
            raise StaleDraftError(draft=draft_no, expected=draft.base_version, actual=len(versions))
        refuse_wrong_start(versions, draft.stored, now=now)
        return await make_version(connection, draft, now=now, actor=actor)


async def withdraw_draft(pool: Pool, draft_no: int, *, now: datetime, actor: str) -> None:
    """Take a draft back; one that is withdrawn already stays so.

    Raises:
        UnknownDraftError: there is no such draft.
        DraftDecidedError: it was approved.
    """
    async with pool.acquire() as connection, connection.transaction():
        draft = await _lock_draft(connection, draft_no)
        if draft.state == "APPROVED":
            raise DraftDecidedError(draft=draft_no, state=draft.state, decided_by=draft.decided_by or "")
        if draft.state == "DRAFT":
            await decide_draft(connection, draft_no, "WITHDRAWN", now=now, actor=actor)


async def list_drafts(pool: Pool) -> list[TermsDraft]:
    """Return the drafts that nobody has decided, in the order in which they were made."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        return await load_drafts(connection, await load_programme(connection))


async def _lock_draft(connection: Connection, draft_no: int) -> TermsDraft:
    draft = await find_draft(connection, draft_no, await load_programme(connection))
    if draft is None:
        raise UnknownDraftError(draft=draft_no)
    return draft
