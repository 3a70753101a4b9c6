"""Values of the ledger that are valid by default; a test names only what it is about."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from coalition.ledger.account import Account
from coalition.ledger.decision import Original, Sale
from coalition.ledger.expiry import Grace
from coalition.ledger.lot import Lot, LotUse
from coalition.ledger.operation import Burn, Earn, Reverse
from coalition.ledger.participant import Participant, TermsVersion

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GRACE = Grace(date(2026, 11, 21), 30)
SALE = Sale(date(2026, 11, 1), date(2029, 12, 1))


def make_terms(version: int = 1, *, valid_from: datetime | None = None, earn_rate: str | None = None) -> TermsVersion:
    rate = None if earn_rate is None else Decimal(earn_rate)
    return TermsVersion(version, valid_from or datetime(2000, 1, 1, tzinfo=UTC), rate)


def make_partner(partner: int = 1, *terms: TermsVersion, may_earn: bool = True, may_burn: bool = True) -> Participant:
    return Participant(partner, f"Partner {partner}", "active", may_earn, may_burn, terms or (make_terms(),))


def make_lot(leaf: int, remaining: int = 100, *, part: int = 0, points: int | None = None, **changes: Any) -> Lot:
    """Return a lot that expires on 1 December 2029, unless `expires_on` says otherwise."""
    values = {"issuer": 1, "payer": 1, "month_of_sale": SALE.month, "vat_rate": None, "expires_on": SALE.expires_on}
    return Lot(
        leaf=leaf,
        part=part,
        points=remaining if points is None else points,
        remaining=remaining,
        **{**values, **changes},
    )


def make_account(*lots: Lot, held: int = 0, debt: int = 0, account: int = 7) -> Account:
    """Return an account whose balance is that of its lots less its debt."""
    return Account(account, sum(lot.remaining for lot in lots) - debt, held, debt, lots=list(lots))


def make_original(kind: str = "earn", *, points: int = 100, leaf: int = 3, **changes: Any) -> Original:
    values: dict[str, Any] = {
        "code": None,
        "account": 7,
        "reversed_points": 0,
        "terms_version": 1,
        "shares": (("", points),),
        "uses": [],
    }
    return Original(leaf=leaf, kind=kind, points=points, **{**values, **changes})


def make_use(burn_leaf: int, lot: Lot, points: int, *, restored: int = 0) -> LotUse:
    return LotUse(burn_leaf, lot.leaf, lot.part, points, restored)


def earn(points: int | None = 100, **fields: Any) -> Earn:
    return Earn.model_validate(_wire("earn", points=points, **fields))


def burn(points: int = 100, **fields: Any) -> Burn:
    return Burn.model_validate(_wire("burn", points=points, **fields))


def reverse(points: int | None = None, **fields: Any) -> Reverse:
    return Reverse.model_validate(_wire("reverse", points=points, **{"operation_id": "earn-1", **fields}))


def _wire(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"{kind}-1", "type": kind, "card": "2760000000018", "occurred_at": NOON, **fields}
