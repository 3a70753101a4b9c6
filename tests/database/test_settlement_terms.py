"""Terms are added for the future, never changed, and price what happened under them."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from coalition.database.pool import Pool
from settlement.errors import InvalidTermsError, UnknownPartnerError
from settlement.operations.add_terms import TermsChange, add_terms, list_terms
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_partner import find_partner
from settlement.operations.report_window import report_window
from tests.database.settlement_books import Books, now

CHEAPER = TermsChange(issue_price=Decimal("0.008"))


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


async def test_a_version_keeps_what_it_does_not_change(books: Books) -> None:
    a = await books.partner("A", service_fee="0.002", commission="0.03", earn_rate="1.5")
    start = now() + timedelta(days=30)
    added = await add_terms(books.pool, a, CHEAPER, valid_from=start, now=now(), actor="shell:anna")
    first, second = await list_terms(books.pool, a)
    assert second == added
    assert (second.terms.version, second.terms.valid_from, second.created_by) == (2, start, "shell:anna")
    assert (second.terms.issue_price, second.terms.service_fee) == (Decimal("0.008"), first.terms.service_fee)
    assert (second.terms.commission, second.earn_rate) == (Decimal("0.03"), Decimal("1.5"))


async def test_who_bears_offline_losses_is_kept_until_it_is_changed(books: Books) -> None:
    a = await books.partner("A")
    changes = [CHEAPER, TermsChange(offline_loss="member"), CHEAPER]
    for days, change in enumerate(changes, start=30):
        start = now() + timedelta(days=days)
        added = await add_terms(books.pool, a, change, valid_from=start, now=now(), actor="shell:anna")
        assert await add_terms(books.pool, a, change, valid_from=start, now=now(), actor="shell:anna") == added
    versions = await list_terms(books.pool, a)
    assert [stored.offline_loss for stored in versions] == ["partner", "partner", "member", "member"]


async def test_the_same_change_again_is_the_same_version(books: Books) -> None:
    a = await books.partner("A")
    start = now() + timedelta(days=30)
    first = await add_terms(books.pool, a, CHEAPER, valid_from=start, now=now(), actor="shell:anna")
    assert await add_terms(books.pool, a, CHEAPER, valid_from=start, now=now(), actor="shell:bert") == first
    assert len(await list_terms(books.pool, a)) == 2


async def test_running_hubs_are_told(books: Books) -> None:
    a = await books.partner("A")
    heard = asyncio.Event()
    async with books.pool.acquire() as connection:

        def hear(*_: object) -> None:
            heard.set()

        await connection.add_listener("registry", hear)
        try:
            await add_terms(books.pool, a, CHEAPER, valid_from=now() + timedelta(days=1), now=now(), actor="shell:anna")
            async with asyncio.timeout(10):
                await heard.wait()
        finally:
            await connection.remove_listener("registry", hear)


async def test_versions_added_at_once_stand_one_after_the_other(books: Books) -> None:
    a = await books.partner("A")
    starts = [now() + timedelta(days=day) for day in (10, 20, 30)]
    answers = await asyncio.gather(
        *(add_terms(books.pool, a, CHEAPER, valid_from=start, now=now(), actor="shell:anna") for start in starts),
        return_exceptions=True,
    )
    # One that comes after a later start is refused, by name; none fails in any other way.
    assert all(not isinstance(answer, Exception) or isinstance(answer, InvalidTermsError) for answer in answers)
    versions = [stored.terms for stored in await list_terms(books.pool, a)]
    assert [terms.version for terms in versions] == list(range(1, len(versions) + 1))
    assert versions == sorted(versions, key=lambda terms: terms.valid_from)


@pytest.mark.parametrize(
    ("change", "days", "field"),
    [
        (CHEAPER, -1, "valid_from"),
        (TermsChange(issue_price=Decimal("-0.01")), 30, "issue_price"),
        (TermsChange(service_fee=Decimal("0.0000001")), 30, "service_fee"),
        (TermsChange(commission=Decimal(3)), 30, "commission"),
        (TermsChange(platform_fee=Decimal("0.001")), 30, "platform_fee"),
        (TermsChange(redemption_price=Decimal("NaN")), 30, "redemption_price"),
        (TermsChange(earn_rate=Decimal(0)), 30, "earn_rate"),
        (TermsChange(earn_rate=Decimal("0.1234567")), 30, "earn_rate"),
        (TermsChange(earn_rate=Decimal("NaN")), 30, "earn_rate"),
    ],
)
async def test_bad_terms_are_refused_and_nothing_is_written(
    books: Books, change: TermsChange, days: int, field: str
) -> None:
    a = await books.partner("A")
    with pytest.raises(InvalidTermsError) as refused:
        await add_terms(books.pool, a, change, valid_from=now() + timedelta(days=days), now=now(), actor="shell:anna")
    assert [problem.field for problem in refused.value.problems] == [field]
    assert len(await list_terms(books.pool, a)) == 1


async def test_a_version_may_not_start_before_the_last_one(books: Books) -> None:
    a = await books.partner("A")
    await add_terms(books.pool, a, CHEAPER, valid_from=now() + timedelta(days=30), now=now(), actor="shell:anna")
    with pytest.raises(InvalidTermsError, match="must be after the start of version 2"):
        await add_terms(
            books.pool, a, TermsChange(), valid_from=now() + timedelta(days=20), now=now(), actor="shell:anna"
        )


async def test_a_start_without_a_zone_is_the_programmes(books: Books) -> None:
    a = await books.partner("A")
    start = (now() + timedelta(days=400)).replace(tzinfo=None, month=7, day=1, hour=0, minute=0)
    added = await add_terms(books.pool, a, CHEAPER, valid_from=start, now=now(), actor="shell:anna")
    assert added.terms.valid_from.utcoffset() == timedelta(hours=2)


async def test_partners_are_found_by_name_or_number(books: Books) -> None:
    a = await books.partner("A")
    tricky = await books.partner(str(a))
    assert await find_partner(books.pool, "A") == a
    assert await find_partner(books.pool, str(a)) == tricky
    assert await find_partner(books.pool, str(tricky)) == tricky
    with pytest.raises(UnknownPartnerError, match="there is no partner nobody"):
        await find_partner(books.pool, "nobody")
    with pytest.raises(UnknownPartnerError):
        await list_terms(books.pool, 999)


async def test_a_reversal_takes_its_originals_prices_in_a_later_window(books: Books) -> None:
    """Issued at 0.01 in window 1, taken back in window 2, when points cost 0.008: 0.01 each comes back."""
    a = await books.partner("A")
    await books.book(a, "issued", 1000)
    await books.close()
    await add_terms(books.pool, a, CHEAPER, valid_from=now() + timedelta(hours=1), now=now(), actor="shell:anna")
    await books.book(a, "issue_reversed", 1000, terms_version=1)
    await books.book(a, "issued", 500, terms_version=2)
    await books.close()
    for window_no in (1, 2):
        await calculate_window(books.pool, window_no, now=now(), actor="shell:anna")
    assert [str(partner.net) for partner in (await report_window(books.pool, 1)).partners] == ["10.00"]
    assert [str(partner.net) for partner in (await report_window(books.pool, 2)).partners] == ["-6.00"]
