"""List disputes, or find one with the signed message behind it."""

from coalition.database.pool import Pool
from settlement.operations.resolve_dispute import find_dispute
from settlement.stores.disputes import Dispute, DisputeState, Evidence, load_disputes, load_evidence
from settlement.stores.hub import load_programme


async def list_disputes(
    pool: Pool,
    *,
    partner: int | None = None,
    window_no: int | None = None,
    state: DisputeState | None = None,
    after: int = 0,
    count_max: int = 1_000,
) -> list[Dispute]:
    """Return disputes after a number, oldest first: all, or those of what is named."""
    async with pool.acquire() as connection:
        currency = (await load_programme(connection)).currency
        return await load_disputes(
            connection, currency, partner=partner, window_no=window_no, state=state, after=after, count_max=count_max
        )


async def show_dispute(pool: Pool, number: int) -> tuple[Dispute, Evidence]:
    """Return a dispute and the message that opened it.

    Raises:
        UnknownDisputeError: there is none of that number.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        dispute = await find_dispute(connection, number, await load_programme(connection))
        return dispute, await load_evidence(connection, number)
