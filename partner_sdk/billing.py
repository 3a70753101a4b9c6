"""What a partner's accounting does with the hub: read its bill, check it, dispute it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from partner_sdk.books import Books, outbox_books
from partner_sdk.connection import Connection
from partner_sdk.dispute import Dispute, parse_dispute, parse_disputes
from partner_sdk.errors import AnswerNotUnderstoodError, MessageRejectedError
from partner_sdk.gather_evidence import Gathered, gather_evidence
from partner_sdk.gather_evidence import Progress as EvidenceProgress
from partner_sdk.outbox import existing_outbox
from partner_sdk.reconcile import PATH as RECONCILIATIONS_PATH
from partner_sdk.reconcile import Progress as ReconcileProgress
from partner_sdk.reconcile import Scope, lines_by_window, parse_guide, reconcile_books, scope_of, zone_named
from partner_sdk.reconciliation import Reconciliation
from partner_sdk.statement_check import StatementCheck, check_statement

# Rows of a statement's items that are asked for at once: the hub's limit.
ITEMS_OF_A_PAGE = 5_000


class Billing(Connection):
    """Statements, tax documents and disputes, and what holds them against the partner's own books."""

    async def statement(self, window: int) -> dict[str, Any]:
        """Return this partner's statement of a window."""
        content = (await self._get(f"/v1/windows/{window}/statement")).content()
        if not isinstance(content, dict):
            raise AnswerNotUnderstoodError("expected a statement", content=content)
        return content

    async def statement_file(self, window: int, kind: Literal["csv", "xlsx", "pdf"]) -> bytes:
        """Return this partner's statement of a window as a file's bytes, covered by the hub's signature."""
        return (await self._get(f"/v1/windows/{window}/statement.{kind}")).body

    async def items(self, window: int) -> AsyncIterator[dict[str, Any]]:
        """Give every operation that this partner's statement of a window counts, in the hub's order, a page at a time.

        Each page is covered by the hub's signature; no more than one is in memory.
        """
        after = ""
        while body := (await self._get(f"/v1/windows/{window}/items.jsonl?limit={ITEMS_OF_A_PAGE}{after}")).body:
            try:
                items = [json.loads(line) for line in body.splitlines()]
                after = f"&after={quote(items[-1]['item'])}"
            except (ValueError, KeyError, TypeError) as error:
                raise AnswerNotUnderstoodError("expected items, one a line", content=body[:200]) from error
            for item in items:
                yield item

    async def documents(self, window: int) -> list[dict[str, Any]]:
        """Return this partner's tax documents of a window: number, kind, type code, amounts, SHA-256 of the XML.

        None before the window is invoiced.
        """
        content = (await self._get(f"/v1/windows/{window}/documents")).content()
        documents = content.get("documents") if isinstance(content, dict) else None
        if not isinstance(documents, list):
            raise AnswerNotUnderstoodError("expected tax documents", content=content)
        return documents

    async def document_file(self, window: int, number: str, kind: Literal["xml", "pdf"]) -> bytes:
        """Return a tax document: its EN 16931 XML as issued, or the letter that holds it; covered by the signature."""
        return (await self._get(f"/v1/windows/{window}/documents/{number}.{kind}")).body

    async def dispute(
        self,
        *,
        window: int,
        amount: str,
        reason: str,
        line: tuple[str, int] | None = None,
        operation_ids: Sequence[str] = (),
    ) -> Dispute:
        """Dispute your share of a window: your net is too high by `amount`, VAT included, you hold.

        By a `line` of the statement, as its code and terms version, by ids of your operations in that window, or both.
        Until the window is invoiced, what you owe by it is not payable before it is answered. The same again is the
        same dispute. Raises MessageRejectedError with the hub's code (invalid_dispute, already_disputed,
        dispute_too_late, unknown_statement, unknown_window).
        """
        _, exchange, _ = self._parts()
        asked = {
            "window": window,
            "line": None if line is None else {"code": line[0], "terms_version": line[1]},
            "operation_ids": list(operation_ids),
            "amount": amount,
            "reason": reason,
        }
        return parse_dispute((await exchange.ask("POST", "/v1/disputes", json.dumps(asked).encode())).content())

    async def disputes(self) -> list[Dispute]:
        """Return all your disputes with their answers, oldest first."""
        disputes: list[Dispute] = []
        cursor: str | None = ""
        while cursor is not None:
            after = f"?after={quote(cursor, safe='')}" if cursor else ""
            page, cursor = parse_disputes((await self._get(f"/v1/disputes{after}")).content())
            disputes += page
        return disputes

    async def reconcile(
        self,
        books: Books | None = None,
        *,
        first: date | None = None,
        last: date | None = None,
        window: int | None = None,
        more_outboxes: Sequence[str | Path] = (),
        progress: ReconcileProgress | None = None,
    ) -> Reconciliation:
        """Compare what the receipts in the outbox say, or other `books`, with the hub's journal; change nothing.

        The days from `first` to `last` (by default from the first day in the books up to today), by the programme's
        time zone; or one `window`. Statements of windows that the books name are compared as well. A partner with
        several outboxes names the others, or what they hold is missing here. Raises BooksInvalidError, OutboxError,
        MessageRejectedError for a window or days that the hub can't compare, HubUnreachableError.
        """
        outbox, exchange, _ = self._parts()
        guide = parse_guide((await self._get(RECONCILIATIONS_PATH)).content())
        zone = zone_named(guide.time_zone)

        async def ask(body: bytes) -> Any:
            return (await exchange.ask("POST", RECONCILIATIONS_PATH, body)).content()

        with ExitStack() as opened:
            if books is None:
                others = [opened.enter_context(closing(existing_outbox(path))) for path in more_outboxes]
                books = outbox_books([outbox, *others], zone=zone)
            scope = scope_of(books, first=first, last=last, window=window, today=datetime.now(zone).date())
            compared = await reconcile_books(ask, books, scope, guide, progress=progress or (lambda so_far: None))
        return replace(compared, statements=tuple(await self._check_statements(books, scope)))

    async def _check_statements(self, books: Books, scope: Scope) -> list[StatementCheck]:
        checks = []
        for window, lines in lines_by_window(books, scope).items():
            try:
                checks.append(check_statement(window, lines, await self.statement(window)))
            except MessageRejectedError as fault:
                # Not calculated yet, or nothing to bill: there is no statement to compare.
                if fault.status != 404:
                    raise
        return checks

    async def gather_evidence(
        self, progress: EvidenceProgress | None = None, *, proofs_max: int | None = None
    ) -> Gathered:
        """Keep what a bill is checked with: a checkpoint, paths of (so many) records that have none, statements; and
        which keys the hub has ended.

        `verify_evidence` then asks nobody. Raises HubUnreachableError, ReceiptInvalidError; call it again to go on.
        """
        outbox, exchange, _ = self._parts()
        await exchange.learn_ends()
        return await gather_evidence(
            self._get, outbox, proofs_max=proofs_max, progress=progress or (lambda so_far: None)
        )
