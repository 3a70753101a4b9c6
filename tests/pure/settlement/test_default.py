"""A loss that is shared adds up to the cent, whatever the turnovers."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from settlement.engine.default import share_loss
from settlement.engine.money import Currency

EUR = Currency("EUR")


def test_a_loss_is_shared_by_turnover_with_the_largest_remainder() -> None:
    """10.00 among three equal turnovers: 3.34, 3.33, 3.33, the first partner first."""
    turnovers = {7: Decimal("5.00"), 3: Decimal("5.00"), 5: Decimal("5.00"), 9: Decimal(0)}
    assert share_loss(Decimal("10.00"), turnovers, EUR) == {
        3: Decimal("3.34"),
        5: Decimal("3.33"),
        7: Decimal("3.33"),
    }


def test_where_nobody_has_any_turnover_nobody_shares() -> None:
    assert share_loss(Decimal("10.00"), {1: Decimal(0)}, EUR) == {}


@given(
    st.integers(1, 10**12),
    st.dictionaries(st.integers(1, 50), st.integers(0, 10**12), min_size=1, max_size=20).filter(
        lambda turnovers: any(turnovers.values())
    ),
)
def test_parts_add_up_to_the_loss(loss_minor: int, turnovers_minor: dict[int, int]) -> None:
    loss = Decimal(loss_minor).scaleb(-2)
    parts = share_loss(loss, {partner: Decimal(minor).scaleb(-2) for partner, minor in turnovers_minor.items()}, EUR)
    assert sum(parts.values()) == loss
    assert all(part > 0 for part in parts.values())
