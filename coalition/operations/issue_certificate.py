"""Give out a certificate, within which one till may burn a card's points without a network."""

from datetime import datetime, timedelta

from coalition.database.pool import Connection, Pool
from coalition.errors import RequestRefusedError
from coalition.ledger.batch import Calendar
from coalition.ledger.certificate import OPEN_CERTIFICATES_MAX, Certificate
from coalition.ledger.limits import LimitRules
from coalition.ledger.participant import Participant
from coalition.stores.balances import load_standing
from coalition.stores.cards import Place, load_card_places
from coalition.stores.certificates import add_certificate, count_open_certificates, load_certificates, lock_lane

# So often a card is looked up again because it is led elsewhere just then.
LOOK_UPS_MAX = 5


async def issue_certificate(
    pool: Pool,
    *,
    certificate_id: str,
    partner: Participant,
    card: str,
    till: str,
    points: int,
    valid_s: int,
    rules: LimitRules,
    calendar: Calendar,
    now: datetime,
) -> Certificate:
    """Keep a new certificate of a card and return it, to be signed; or the one that is kept by this id already. It
    reserves nothing.

    Raises RequestRefusedError, 422: the card or the partner may not spend points, more than a limit lets be burned or
    than is available now, or so many are open already; 503: the card was led elsewhere each time it was looked up."""
    _refuse_forbidden(partner, points, rules=rules, now=now)
    async with pool.acquire() as connection:
        for _ in range(LOOK_UPS_MAX):
            place = await _find_place(connection, card)
            async with connection.transaction():
                await lock_lane(connection, place.lane)
                # A card is led elsewhere under the lock of its lane: from here on it stays where it is.
                if await _find_place(connection, card) != place:
                    continue
                known = await load_certificates(connection, place.lane, [certificate_id])
                if known:
                    return known[certificate_id]
                certificate = Certificate(
                    certificate_id=certificate_id,
                    account=place.account,
                    partner=partner.partner,
                    card=card,
                    till=till,
                    points=points,
                    spent=0,
                    not_before=now,
                    not_after=now + timedelta(seconds=valid_s),
                )
                await _add(connection, place, certificate, calendar=calendar, now=now)
                return certificate
    detail = f"Card {card} is being led to another account; ask again."
    raise RequestRefusedError(status=503, code="card_moving", detail=detail, retry_after_s=1)


async def _find_place(connection: Connection, card: str) -> Place:
    place = (await load_card_places(connection, [card])).get(card)
    if place is None:
        raise _refused("unknown_card", f"No account has card {card}.")
    if place.burn_refusal is not None:
        raise _refused(place.burn_refusal, f"No points may be burned with card {card}.")
    return place.of_account


async def _add(
    connection: Connection, place: Place, certificate: Certificate, *, calendar: Calendar, now: datetime
) -> None:
    standing = await load_standing(connection, place, now=now, today=calendar.day_of(now), rule=calendar.expiry)
    if certificate.points > standing.available:
        raise _refused("insufficient_points", f"Only {max(standing.available, 0)} points are available now.")
    if await count_open_certificates(connection, place, now=now) >= OPEN_CERTIFICATES_MAX:
        detail = f"The account has {OPEN_CERTIFICATES_MAX} open certificates; wait until one is used up or ends."
        raise _refused("too_many_certificates", detail)
    await add_certificate(connection, place.lane, certificate)


def _refuse_forbidden(partner: Participant, points: int, *, rules: LimitRules, now: datetime) -> None:
    if not partner.may_burn:
        raise _refused("burn_not_allowed", "Your contract with the coalition lets you accept no points.")
    if partner.terms_at(now) is None:
        raise _refused("no_terms", "You have no terms yet.")
    # Offline nobody can be asked for a code, and no day's burns are known: both are kept to when it is given out.
    limits = [limit for limit in (rules.step_up_above, rules.burn_points_per_day_max) if limit is not None]
    if limits and points > min(limits):
        raise _refused("certificate_over_limit", f"At most {min(limits)} points may be burned without a network.")


def _refused(code: str, detail: str) -> RequestRefusedError:
    return RequestRefusedError(status=422, code=code, detail=detail)
