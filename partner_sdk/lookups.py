"""What a till looks up at the hub: cards, operations, events, windows."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from partner_sdk.connection import Connection
from partner_sdk.errors import MessageRejectedError
from partner_sdk.exchange import path_part
from partner_sdk.result import (
    CardBalance,
    Event,
    Result,
    Window,
    parse_card_balance,
    parse_events,
    parse_result,
    parse_windows,
)


class Lookups(Connection):
    """Calls that change nothing; each answer is signed, and verified before it is believed."""

    async def balance(self, card: str) -> CardBalance:
        """Return what lies behind a card. Raises MessageRejectedError for a card that the hub does not know."""
        return parse_card_balance((await self._get(f"/v1/cards/{path_part(card)}")).content())

    async def operation(self, operation_id: str) -> Result | None:
        """Return the hub's result of an operation, or None if the hub signs that it never booked it."""
        try:
            receipt = await self._get(f"/v1/operations/{path_part(operation_id)}")
        except MessageRejectedError as fault:
            if fault.status == 404 and fault.receipt is not None:
                return None
            raise
        return parse_result(receipt.content())

    async def events(self, after: str | None = None) -> AsyncIterator[Event]:
        """Yield what happened to this partner's operations after a cursor, or from the beginning, up to now.

        Keep the last event's `cursor` and give it as `after` next time: then none is left out.
        """
        has_more = True
        while has_more:
            query = "" if after is None else f"?after={quote(after, safe='')}"
            page = parse_events((await self._get(f"/v1/events{query}")).content(), after=after)
            for event in page.events:
                yield event
            after, has_more = page.cursor, page.has_more

    async def windows(self) -> list[Window]:
        """Return the clearing periods, as the hub lists them."""
        windows: list[Window] = []
        cursor: str | None = ""
        while cursor is not None:
            after = f"?after={quote(cursor, safe='')}" if cursor else ""
            content = (await self._get(f"/v1/windows{after}")).content()
            page, cursor = parse_windows(content)
            windows += page
        return windows
