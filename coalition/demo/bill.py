"""A window's bill as the operator's commands tell it, and whether it agrees with what the partners' tills know."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, get_args

from coalition.demo.partners import PARTNERS
from coalition.demo.plan import Movement, PlannedOperation

COVER = ("fund_growth", "prepaid_blocks", "rounding")
MOVEMENTS: tuple[Movement, ...] = get_args(Movement)
NAMES = {partner.slug: partner.name for partner in PARTNERS}


@dataclass(slots=True)
class Tally:
    """What the partners know from their own tills: points by partner and movement, operations by partner."""

    points: Counter[tuple[str, Movement]] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)

    def add(self, operation: PlannedOperation) -> None:
        self.points[operation.partner_slug, operation.movement] += operation.points
        self.operations[operation.partner_slug] += 1


@dataclass(frozen=True, slots=True)
class PartnerBill:
    """One partner's share, money in EUR; `net` > 0: the partner pays."""

    points: Mapping[Movement, int]
    operations: int
    charge: Decimal
    platform_fee: Decimal
    credit: Decimal
    vat: Decimal
    net: Decimal

    @property
    def issued(self) -> int:
        return self.points["issued"] - self.points["issue_reversed"]

    @property
    def redeemed(self) -> int:
        return self.points["redeemed"] - self.points["redeem_reversed"]


@dataclass(frozen=True, slots=True)
class WindowBill:
    """A settled window: its partners' shares by slug, and the operator's own totals."""

    window: int
    period: str
    partners: Mapping[str, PartnerBill]
    points: Mapping[Movement, int]
    outstanding_growth: int
    operator_total: Decimal
    cover: Decimal
    """Money for the points of those who pay when points are issued or before."""

    @property
    def operations(self) -> int:
        return sum(partner.operations for partner in self.partners.values())


def read_bill(report: Mapping[str, Any], *, period: str) -> WindowBill:
    """Return the bill of what `coalition window settle --json` printed."""
    slugs = {name: slug for slug, name in NAMES.items()}
    return WindowBill(
        window=report["window"],
        period=period,
        partners={slugs[share["name"]]: _share(share) for share in report["partners"]},
        points=_points(report["control"]),
        outstanding_growth=report["control"]["outstanding_growth"],
        operator_total=Decimal(report["netting"]["operator"]["total"]),
        cover=sum((Decimal(report["netting"]["operator"][part]) for part in COVER), Decimal("0.00")),
    )


def add_up(bills: Iterable[PartnerBill]) -> PartnerBill:
    """Return the sum of shares: of one partner over windows, or of a window's partners."""
    shares = list(bills)
    return PartnerBill(
        points={movement: sum(share.points[movement] for share in shares) for movement in MOVEMENTS},
        operations=sum(share.operations for share in shares),
        charge=sum((share.charge for share in shares), Decimal("0.00")),
        platform_fee=sum((share.platform_fee for share in shares), Decimal("0.00")),
        credit=sum((share.credit for share in shares), Decimal("0.00")),
        vat=sum((share.vat for share in shares), Decimal("0.00")),
        net=sum((share.net for share in shares), Decimal("0.00")),
    )


def outstanding_of(points: Mapping[Movement, int]) -> int:
    """Return by how much these movements make the outstanding points grow."""
    return points["issued"] - points["issue_reversed"] - points["redeemed"] + points["redeem_reversed"]


def differences(bill: WindowBill, tally: Tally) -> list[str]:
    """Return every place in which a bill contradicts the partners' tills or itself; none: it ties out to the cent."""
    found: list[tuple[str, object, object]] = []
    for slug, name in NAMES.items():
        share = bill.partners.get(slug, _NOTHING)
        for movement in MOVEMENTS:
            found.append((f"{name}, {movement}", tally.points[slug, movement], share.points[movement]))
        found.append((f"{name}, operations", tally.operations[slug], share.operations))
        found.append((f"{name}, net", share.charge + share.platform_fee - share.credit + share.vat, share.net))
    total = add_up(bill.partners.values())
    for movement in MOVEMENTS:
        found.append((f"all partners, {movement}", total.points[movement], bill.points[movement]))
    found.append(("growth of outstanding points", outstanding_of(total.points), bill.outstanding_growth))
    found.append(("sum of nets", total.net, bill.operator_total))
    return [
        f"window {bill.window}: {what}: expected {expected:,}, got {got:,}"
        for what, expected, got in found
        if expected != got
    ]


def _share(share: Mapping[str, Any]) -> PartnerBill:
    return PartnerBill(
        points=_points(share),
        operations=share["operations"],
        charge=Decimal(share["charge"]),
        platform_fee=Decimal(share["platform_fee"]),
        credit=Decimal(share["credit"]),
        vat=Decimal(share["vat"]),
        net=Decimal(share["net"]),
    )


def _points(document: Mapping[str, Any]) -> dict[Movement, int]:
    return {movement: document[movement] for movement in MOVEMENTS}


_NOTHING = add_up(())
