"""Signing operators in, and who is signed in at /finance."""

from datetime import timedelta

import structlog
from aiohttp import web

from coalition.operations.sign_in import sign_in_operator
from coalition.pages.door import SESSION_COOKIES
from coalition.pages.errors import PageRefusedError
from coalition.pages.sign_in import refuse_too_many, set_session
from coalition.pages.throttle import Throttle
from coalition.pages.visit import Visit
from coalition.stores.operators import Operator, Role, find_operator

__all__ = ["Operator", "OperatorSignIn", "Role", "signed_in_operator"]

log = structlog.get_logger()

TRIES_PER_MINUTE_MAX = 5
# By address alone, whatever names are tried: each try takes a core for a while, and operators wait for their turn.
TRIES_OF_ADDRESS_PER_MINUTE_MAX = 30


class OperatorSignIn:
    """The pages of signing in, with the counters of wrong passwords: by name and address, and by address."""

    def __init__(self) -> None:
        self._tries = Throttle("password", TRIES_PER_MINUTE_MAX, timedelta(minutes=1))
        self._tries_of_address = Throttle("password-of-address", TRIES_OF_ADDRESS_PER_MINUTE_MAX, timedelta(minutes=1))

    async def show(self, visit: Visit) -> web.StreamResponse:
        if visit.session is not None:
            return visit.redirect(visit.frame.home)
        return visit.render("finance/sign_in.html", name="", fault=None)

    async def take(self, visit: Visit) -> web.StreamResponse:
        """Check name and password; which of them is wrong is not told."""
        name, password = visit.form.get("name", "").strip(), visit.form.get("password", "")
        key = f"{visit.counted_remote}\n{name}"
        # Counted before it is looked at, so that many tries at once are many tries.
        await refuse_too_many(self._tries_of_address, visit.counted_remote, visit)
        await refuse_too_many(self._tries, key, visit)
        opened = await sign_in_operator(visit.site.pool, name, password, now=visit.now)
        if opened is None:
            log.info("operator.sign_in_refused", remote=visit.remote)
            return visit.render("finance/sign_in.html", status=422, name=name, fault=visit.word("finance.wrong"))
        await self._tries.forget(visit.site.pool, key)
        log.info("operator.signed_in", operator=name, remote=visit.remote)
        set_session(visit, opened)
        return visit.redirect(visit.frame.home)


async def signed_in_operator(visit: Visit, role: Role | None = None) -> Operator:
    """Return who is signed in, with the roles of this moment.

    Raises PageRefusedError for one who lacks `role`, or who has been removed since."""
    async with visit.site.pool.acquire() as connection:
        operator = await find_operator(connection, visit.subject)
    if operator is None:
        visit.set_cookie(SESSION_COOKIES["finance"], "", max_age_s=0)
        raise PageRefusedError(status=403, key="operator_gone")
    if role is not None and role not in operator.roles:
        raise PageRefusedError(status=403, key=f"role_missing.{role}")
    return operator
