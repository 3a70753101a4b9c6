"""Terms are drafted by one person and approved by another; until then nobody knows them, but what they would cost."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from coalition.database.pool import Pool
from coalition.lanes.registry import Registry
from settlement.errors import (
    DraftDecidedError,
    InvalidPeriodError,
    InvalidTermsError,
    StaleDraftError,
    TermsDrafterError,
    UnknownDraftError,
)
from settlement.operations.add_terms import TermsChange, add_terms, list_terms
from settlement.operations.draft_terms import approve_draft, draft_terms, list_drafts, withdraw_draft
from settlement.operations.rerate_terms import Period, rerate_terms
from tests.database.settlement_books import Books, now

CHEAPER = TermsChange(issue_price=Decimal("0.008"), return_fee="partner")


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


def by(actor: str) -> dict[str, Any]:
    return {"now": now(), "actor": actor}


def in_days(days: int) -> datetime:
    return now() + timedelta(days=days)


async def test_a_draft_holds_for_nothing_until_somebody_else_approves_it(books: Books) -> None:
    a = await books.partner("A")
    draft = await draft_terms(books.pool, a, CHEAPER, valid_from=in_days(30), **by("anna"))
    assert await draft_terms(books.pool, a, CHEAPER, valid_from=draft.stored.terms.valid_from, **by("anna")) == draft
    registry = Registry(books.pool)
    await registry.load()
    assert [version.version for version in registry.participants[a].terms] == [1]
    assert len(await list_terms(books.pool, a)) == 1
    with pytest.raises(TermsDrafterError, match="anna made draft 1; somebody else has to approve it"):
        await approve_draft(books.pool, draft.draft, **by("anna"))
    # Nor by a door that forgot to ask: the tables take it from the operator's shell alone, each of them.
    with pytest.raises(asyncpg.CheckViolationError):
        await approve_draft(books.pool, draft.draft, is_second_person_needed=False, **by("anna"))
    with pytest.raises(asyncpg.CheckViolationError, match="terms_draft_approved_by_a_second_person"):
        await books.pool.execute("UPDATE terms_draft SET state = 'APPROVED', decided_by = 'anna', version = 1")
    with pytest.raises(asyncpg.CheckViolationError, match="terms_approved_by_a_second_person"):
        await books.pool.execute("UPDATE terms SET created_by = 'anna', approved_by = 'anna'")

    approved = await approve_draft(books.pool, draft.draft, **by("bert"))

    assert (approved.terms.version, approved.created_by, approved.approved_by) == (2, "anna", "bert")
    assert approved.terms == draft.stored.terms
    assert [version.return_fee for version in await list_terms(books.pool, a)] == ["rule", "partner"]
    await registry.load()
    assert [version.version for version in registry.participants[a].terms] == [1, 2]
    # A second click is no second version, and there is nothing left to decide.
    assert await approve_draft(books.pool, draft.draft, **by("carl")) == approved
    assert await list_drafts(books.pool) == []
    with pytest.raises(DraftDecidedError, match="draft 1 is APPROVED already, by bert"):
        await withdraw_draft(books.pool, draft.draft, **by("anna"))


async def test_of_two_who_approve_two_drafts_at_once_one_is_told_to_draft_anew(books: Books) -> None:
    a = await books.partner("A")
    drafts = [
        await draft_terms(books.pool, a, change, valid_from=in_days(days), **by("anna"))
        for days, change in ((30, CHEAPER), (40, TermsChange(commission=Decimal("0.02"))))
    ]
    answers = await asyncio.gather(
        *(approve_draft(books.pool, draft.draft, **by("bert")) for draft in drafts), return_exceptions=True
    )
    (stale,) = (answer for answer in answers if isinstance(answer, BaseException))
    assert isinstance(stale, StaleDraftError)
    assert "was made after version 1, and the last one is version 2" in str(stale)
    assert len(await list_terms(books.pool, a)) == 2


async def test_a_draft_that_would_begin_in_the_past_by_now_is_not_approved(books: Books) -> None:
    a = await books.partner("A")
    draft = await draft_terms(books.pool, a, CHEAPER, valid_from=in_days(1), **by("anna"))
    with pytest.raises(InvalidTermsError, match="valid_from: must not be in the past"):
        await approve_draft(books.pool, draft.draft, now=in_days(2), actor="bert")
    assert len(await list_terms(books.pool, a)) == 1


async def test_what_could_not_begin_is_not_drafted(books: Books) -> None:
    """Five years ahead and no more: a mistyped year would end what a partner can agree on for good."""
    a = await books.partner("A")
    drafted_at, second, years = now(), timedelta(seconds=1), timedelta(days=1_826)
    for valid_from, problem in (
        (drafted_at - second, "must not be in the past"),
        (drafted_at + years + second, "must be at most 1826 days ahead"),
    ):
        with pytest.raises(InvalidTermsError, match=f"valid_from: {problem}"):
            await draft_terms(books.pool, a, CHEAPER, valid_from=valid_from, now=drafted_at, actor="anna")
    assert await list_drafts(books.pool) == []
    await draft_terms(books.pool, a, CHEAPER, valid_from=drafted_at + years, now=drafted_at, actor="anna")


async def test_a_draft_is_withdrawn_once_and_for_all(books: Books) -> None:
    a = await books.partner("A")
    draft = await draft_terms(books.pool, a, CHEAPER, valid_from=in_days(1), **by("anna"))
    for _ in range(2):
        await withdraw_draft(books.pool, draft.draft, **by("anna"))
    with pytest.raises(DraftDecidedError, match="WITHDRAWN already, by anna"):
        await approve_draft(books.pool, draft.draft, **by("bert"))
    with pytest.raises(UnknownDraftError):
        await approve_draft(books.pool, 99, **by("bert"))


async def test_what_is_added_at_once_keeps_who_stood_in_for_both(books: Books) -> None:
    a = await books.partner("A")
    added = await add_terms(books.pool, a, CHEAPER, valid_from=in_days(1), **by("shell:anna"))
    assert (added.created_by, added.approved_by) == ("shell:anna", "shell:anna")
    assert await books.fetch("SELECT state, version, decided_by FROM terms_draft") == [("APPROVED", 2, "shell:anna")]


async def test_a_past_period_re_rated_by_a_draft_and_by_options(books: Books) -> None:
    """Two windows of 1,000 and 3,000 points at 0.01 + 0.002, redeemed at B: what A would have paid at 0.008, and what
    paying at burn would have cost it; nothing is written."""
    taxed = {"charge_vat": "S 19 DE", "fee_vat": "S 19 DE"}
    a, b = await books.partner("A", service_fee="0.002", **taxed), await books.partner("B")
    for points in (1000, 3000):
        await books.book(a, "issued", points)
        await books.book(b, "redeemed", points // 10)
        await books.close()
    draft = await draft_terms(books.pool, a, CHEAPER, valid_from=in_days(30), **by("anna"))

    async def rerated(period: Period, change: TermsChange, draft_no: int | None = None) -> dict[Any, tuple[str, ...]]:
        report = await rerate_terms(books.pool, a, period, change=change, draft_no=draft_no, now=now())
        told = {(line.partner, line.code): line for line in report.rerating.lines}
        nets = {net.partner: net for net in report.rerating.nets}
        return {key: (str(entry.old), str(entry.new), str(entry.difference)) for key, entry in (told | nets).items()}

    both = Period(first_window=1, last_window=2)
    by_draft = await rerated(both, TermsChange(), draft.draft)
    assert by_draft[a, "issue_charge"] == ("40.00", "32.00", "-8.00")
    assert by_draft[a, "service_fee"] == ("8.00", "8.00", "0.00")
    assert by_draft[a] == ("57.12", "47.60", "-9.52")
    assert by_draft[b] == ("-4.00", "-4.00", "0.00")
    assert await rerated(both, CHEAPER) == by_draft
    second = await rerated(Period(first_window=2), CHEAPER)
    assert second[a, "issue_charge"] == ("30.00", "24.00", "-6.00")
    today = now().date()
    assert await rerated(Period(first_day=today - timedelta(days=1), last_day=today + timedelta(days=1)), CHEAPER) == (
        by_draft
    )
    at_burn = await rerated(both, TermsChange(funding="issuer_pays"))
    assert at_burn[a, "issue_charge"] == ("40.00", "0.00", "-40.00")
    before = await rerated(both, TermsChange(funding="prepaid", issue_price=Decimal("0.009")))
    assert before[a, "issue_overdraft"] == ("0.00", "36.00", "36.00")

    for period in (Period(first_window=3), Period(last_day=today - timedelta(days=2))):
        with pytest.raises(InvalidPeriodError, match="must have 1 to 400 closed windows, not 0"):
            await rerated(period, CHEAPER)
    with pytest.raises(InvalidTermsError, match="issue_price: must not be negative"):
        await rerated(both, TermsChange(issue_price=Decimal(-1)))
    with pytest.raises(UnknownDraftError):
        await rerate_terms(books.pool, b, both, change=TermsChange(), draft_no=draft.draft, now=now())
    assert len(await list_terms(books.pool, a)) == 1
