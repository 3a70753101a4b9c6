"""Give out a certificate, within which one till may burn a card's points without a network."""

from datetime import datetime, timedelta

from coalition.database.pool import Pool
from coalition.errors import RequestRefusedError
from coalition.ledger.batch import Calendar
from coalition.ledger.certificate import OPEN_CERTIFICATES_MAX, Certificate
from coalition.ledger.limits import LimitRules
from coalition.ledger.participant import Participant
from coalition.stores.balances import load_standing
from coalition.stores.cards import Place
from coalition.stores.certificates import add_certificate, count_open_certificates, lock_lane


async def issue_certificate(
    pool: Pool,
    place: Place,
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
    """Keep a new certificate of the account at `place` and return it, to be signed. It reserves nothing.

    Raises RequestRefusedError, 422: the partner may not accept points, more than a limit lets be burned or than is
    available now, or so many are open already."""
    _refuse_forbidden(partner, points, rules=rules, now=now)
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
    async with pool.acquire() as connection, connection.transaction():
        await lock_lane(connection, place.lane)
        standing = await load_standing(connection, place, now=now, today=calendar.day_of(now), rule=calendar.expiry)
        if points > standing.available:
            raise _refused("insufficient_points", f"Only {max(standing.available, 0)} points are available now.")
        if await count_open_certificates(connection, place, now=now) >= OPEN_CERTIFICATES_MAX:
            detail = f"The account has {OPEN_CERTIFICATES_MAX} open certificates; wait until one is used up or ends."
            raise _refused("too_many_certificates", detail)
        await add_certificate(connection, place.lane, certificate)
    return certificate


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
