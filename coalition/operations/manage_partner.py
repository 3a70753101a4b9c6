"""Take a partner in, rotate its keys, suspend and resume it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from coalition.database.pool import Connection, Pool
from coalition.errors import AlreadyThereError, FieldFault, InvalidTermsError, NotFoundError, SettingError
from coalition.ledger.participant import Funding, OfflineLoss, ReturnFee, ReturnLoss
from coalition.signatures.keys import keyid_of, load_private_key, load_public_key, raw_of_public_key
from coalition.stores.hub_keys import end_hub_key
from coalition.stores.programme import load_programme
from coalition.stores.registry import (
    add_first_terms,
    add_partner_key,
    announce_change,
    end_partner_key,
    find_partner,
    set_partner_status,
)
from coalition.stores.registry import add_partner as store_partner

# The limits of what is kept, beyond which the database would round without a word. They are those of further versions.
NAME_CHARS_MAX = 100
PRICE_MAX = Decimal("999999.999999")
PRICE_DECIMALS_MAX = 6
EARN_RATE_MAX = Decimal(100_000)
PLATFORM_FEE_MAX = Decimal("999999999999.99")
PLATFORM_FEE_DECIMALS_MAX = 2
VAT = re.compile(
    r"S (?!0+(?:\.0+)? )\d{1,2}(?:\.\d{1,2})? [A-Z]{2}|[LM] \d{1,2}(?:\.\d{1,2})? [A-Z]{2}|(?:Z|E|AE|K|G) [A-Z]{2}|O"
)


@dataclass(frozen=True, slots=True)
class FirstTerms:
    """Money per point, without VAT; None: the programme's point value. `earn_rate`: points per unit of currency.

    VAT is category, rate and country as in `S 19 DE`, or O: `charge_vat` for what pays for points, `fee_vat` for fees
    and commission, `redemption_vat` for redemptions. `funding` None: the programme's. `offline_loss` and `return_loss`:
    who bears an offline burn, and a returned sale, whose points are gone. `return_fee`: who bears what a bank takes for
    a payment that comes back; "rule": as the programme has it."""

    earn_rate: Decimal | None = None
    issue_price: Decimal | None = None
    service_fee: Decimal = Decimal(0)
    redemption_price: Decimal | None = None
    commission: Decimal = Decimal(0)
    platform_fee: Decimal = Decimal(0)
    charge_vat: str = "O"
    fee_vat: str = "O"
    redemption_vat: str = "O"
    funding: Funding | None = None
    offline_loss: OfflineLoss = "partner"
    return_loss: ReturnLoss = "member"
    return_fee: ReturnFee = "rule"


@dataclass(frozen=True, slots=True)
class AddedPartner:
    partner: int
    keyid: str


async def add_partner(
    pool: Pool,
    *,
    name: str,
    key_pem: bytes,
    terms: FirstTerms,
    may_earn: bool = True,
    may_burn: bool = True,
    now: datetime,
    actor: str,
) -> AddedPartner:
    """Take a partner in as `take_in`, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        return await take_in(
            connection,
            name=name,
            key_pem=key_pem,
            terms=terms,
            may_earn=may_earn,
            may_burn=may_burn,
            now=now,
            actor=actor,
        )


async def take_in(
    connection: Connection,
    *,
    name: str,
    key_pem: bytes,
    terms: FirstTerms,
    may_earn: bool = True,
    may_burn: bool = True,
    now: datetime,
    actor: str,
) -> AddedPartner:
    """Take a partner in with its first key and terms; running hubs are told when the transaction ends.

    Raises KeyUnreadableError for a bad key file, AlreadyThereError where the name or the key is taken,
    SettingError for a name that can't be printed on a letter, InvalidTermsError for amounts that are negative, too
    large or too precise."""
    if not 1 <= len(name.strip()) <= NAME_CHARS_MAX or name != name.strip() or not name.isprintable():
        raise SettingError(f"name: expected 1 to {NAME_CHARS_MAX} printable characters, {name[:NAME_CHARS_MAX]!r} came")
    public_key = load_public_key(key_pem)
    keyid = keyid_of(public_key)
    programme = await load_programme(connection)
    _refuse_bad_terms(terms, minor_unit=programme.minor_unit)
    partner = await store_partner(connection, name, may_earn=may_earn, may_burn=may_burn, now=now)
    if partner is None:
        raise AlreadyThereError(f"name: a partner is named {name!r} already")
    if not await add_partner_key(
        connection, keyid=keyid, partner=partner, public_key=raw_of_public_key(public_key), valid_from=now
    ):
        raise AlreadyThereError(f"key: {keyid} is registered already")
    await add_first_terms(
        connection,
        partner,
        earn_rate=terms.earn_rate,
        issue_price=programme.point_value if terms.issue_price is None else terms.issue_price,
        service_fee=terms.service_fee,
        redemption_price=programme.point_value if terms.redemption_price is None else terms.redemption_price,
        commission=terms.commission,
        platform_fee=terms.platform_fee,
        charge_vat=terms.charge_vat,
        fee_vat=terms.fee_vat,
        redemption_vat=terms.redemption_vat,
        funding=terms.funding,
        offline_loss=terms.offline_loss,
        return_loss=terms.return_loss,
        return_fee=terms.return_fee,
        now=now,
        actor=actor,
    )
    await announce_change(connection)
    return AddedPartner(partner, keyid)


async def add_key(
    pool: Pool, *, name: str, key_pem: bytes, valid_from: datetime, valid_until: datetime | None = None
) -> str:
    """Add a further key, so that a partner can rotate with messages in flight; return its id."""
    public_key = load_public_key(key_pem)
    keyid = keyid_of(public_key)
    async with pool.acquire() as connection, connection.transaction():
        partner = await find_partner(connection, name)
        if partner is None:
            raise NotFoundError(f"no partner is named {name!r}")
        if not await add_partner_key(
            connection,
            keyid=keyid,
            partner=partner,
            public_key=raw_of_public_key(public_key),
            valid_from=valid_from,
            valid_until=valid_until,
        ):
            raise AlreadyThereError(f"key: {keyid} is registered already")
        await announce_change(connection)
    return keyid


async def end_key(pool: Pool, *, keyid: str, valid_until: datetime, hub_key: Path) -> datetime:
    """End the validity of a partner's key, or of one that was the hub's; return since when it is ended.

    What it signed before stays verifiable. `hub_key` is the file of the key that the hub signs with.

    Raises:
        NotFoundError: neither a partner nor the hub has such a key.
        SettingError: the hub signs with it, or there is no telling because the file isn't there.
    """
    async with pool.acquire() as connection, connection.transaction():
        if await end_partner_key(connection, keyid, valid_until=valid_until):
            await announce_change(connection)
            return valid_until
        ended_at = await end_hub_key(connection, keyid, valid_until=valid_until)
        if ended_at is None:
            raise NotFoundError(f"neither a partner nor the hub has key {keyid!r}")
        _refuse_key_in_use(keyid, hub_key)
    return ended_at


def _refuse_key_in_use(keyid: str, hub_key: Path) -> None:
    if not hub_key.exists():
        raise SettingError(f"hub_key (COALITION_HUB_KEY): expected the key that the hub signs with, no file {hub_key}")
    if keyid_of(load_private_key(hub_key.read_bytes()).public_key()) == keyid:
        raise SettingError(f"hub_key: expected a key that was replaced, the hub signs with {keyid!r} ({hub_key})")


async def set_status(pool: Pool, *, name: str, status: str) -> None:
    """Suspend or resume a partner; it takes effect with the next message. Raises NotFoundError."""
    async with pool.acquire() as connection, connection.transaction():
        if not await set_partner_status(connection, name, status):
            raise NotFoundError(f"no partner is named {name!r}")
        await announce_change(connection)


def _refuse_bad_terms(terms: FirstTerms, *, minor_unit: int) -> None:
    faults = (*_faults(terms, minor_unit=minor_unit), *_vat_faults(terms))
    if faults:
        raise InvalidTermsError(faults=faults)


def _faults(terms: FirstTerms, *, minor_unit: int) -> Iterator[FieldFault]:
    fee_decimals = min(minor_unit, PLATFORM_FEE_DECIMALS_MAX)
    limits = {
        "earn_rate": (terms.earn_rate, EARN_RATE_MAX, PRICE_DECIMALS_MAX),
        "issue_price": (terms.issue_price, PRICE_MAX, PRICE_DECIMALS_MAX),
        "service_fee": (terms.service_fee, PRICE_MAX, PRICE_DECIMALS_MAX),
        "redemption_price": (terms.redemption_price, PRICE_MAX, PRICE_DECIMALS_MAX),
        "commission": (terms.commission, Decimal(1), PRICE_DECIMALS_MAX),
        "platform_fee": (terms.platform_fee, PLATFORM_FEE_MAX, fee_decimals),
    }
    for field, (amount, most, decimals_max) in limits.items():
        if amount is None:
            continue
        if not amount.is_finite() or not 0 <= amount <= most or (field == "earn_rate" and not amount):
            least = "more than 0" if field == "earn_rate" else "0"
            yield FieldFault(field, "amount_out_of_range", f"{least} to {most}", str(amount))
        elif _decimals(amount) > decimals_max:
            yield FieldFault(field, "amount_too_precise", f"at most {decimals_max} decimals", str(amount))


def _vat_faults(terms: FirstTerms) -> Iterator[FieldFault]:
    for field in ("charge_vat", "fee_vat", "redemption_vat"):
        text = getattr(terms, field)
        if VAT.fullmatch(text) is None:
            yield FieldFault(field, "vat_unknown", "VAT like 'S 19 DE', 'E DE' or 'O'", text[:40])
    # Both stand on one invoice, on which O stands alone: EN 16931, BR-O-11.
    if (terms.charge_vat == "O") != (terms.fee_vat == "O"):
        yield FieldFault("fee_vat", "vat_mixed", "O if charge_vat is O, and not O if it is not", terms.fee_vat[:40])


def _decimals(amount: Decimal) -> int:
    # Not by normalize(), which rounds to 28 digits first.
    return len(format(amount, "f").partition(".")[2].rstrip("0"))
