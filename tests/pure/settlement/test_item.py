"""Every operation has its line, however its points are paid for."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from settlement.engine.item import BookedItem, ItemPlace, ItemPrices
from settlement.engine.line import LineCode
from settlement.engine.terms import Funding
from settlement.engine.total import KINDS
from tests.pure.settlement.examples import make_terms, priced, total


@pytest.mark.parametrize(
    ("funding", "codes", "amounts"),
    [
        ("pool", ("issue_charge", "issue_charge_reversed"), ("1.05", "-1.05")),
        ("issuer_pays", ("issue_deferred", "issue_deferred_reversed"), ("0", "0")),
        ("prepaid", ("issue_prepaid", "issue_prepaid_reversed"), ("0", "0")),
    ],
)
def test_an_item_is_on_the_line_that_counts_it(
    funding: Funding, codes: tuple[LineCode, ...], amounts: tuple[str, ...]
) -> None:
    """And adds what its points cost there: points that are not paid for at issue add nothing."""
    terms = make_terms(funding=funding, issue_price=Decimal("0.0105"), redemption_price=Decimal("0.009"))
    prices = ItemPrices(priced([total(1, kind, 1_000) for kind in KINDS], terms)[1])
    items = [
        prices.price(
            BookedItem(
                place=ItemPlace(0, leaf, 0),
                operation_id=kind,
                sender=1,
                kind=kind,
                points=100,
                operations=1,
                terms_version=1,
                shop=None,
                till=None,
                reference=None,
                occurred_at=datetime(2026, 10, 1, tzinfo=UTC),
                booked_at=datetime(2026, 10, 1, tzinfo=UTC),
            )
        )
        for leaf, kind in enumerate(KINDS)
    ]
    assert tuple(item.line for item in items) == (*codes, "redemption_credit", "redemption_credit_reversed")
    assert [item.points for item in items] == [100, -100, 100, -100]
    assert [item.amount for item in items] == [*map(Decimal, amounts), Decimal("-0.9"), Decimal("0.9")]
