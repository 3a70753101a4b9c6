"""The partner's side of the hub in one class."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from partner_sdk.backoff import Backoff
from partner_sdk.books import Books, outbox_books
from partner_sdk.certificate import Certificate, read_certificate, verify_certificate
from partner_sdk.dispute import Dispute, parse_dispute, parse_disputes
from partner_sdk.errors import (
    AnswerNotUnderstoodError,
    CertificateUnusableError,
    MessageRejectedError,
    OutboxError,
    RefusedError,
)
from partner_sdk.exchange import Exchange
from partner_sdk.gather_evidence import Gathered, gather_evidence
from partner_sdk.gather_evidence import Progress as EvidenceProgress
from partner_sdk.hub_keys import HubKeys
from partner_sdk.keys import load_private_key, load_public_key, thumbprint
from partner_sdk.message import OPERATIONS_MAX
from partner_sdk.operation import (
    TIMEOUT_DEFAULT_S,
    Burn,
    Capture,
    Earn,
    Operation,
    Purchase,
    Release,
    Reserve,
    Reverse,
    VatShare,
)
from partner_sdk.operation_id import new_operation_id
from partner_sdk.outbox import Outbox, existing_outbox, same_card
from partner_sdk.outbox_key import adopt
from partner_sdk.problem import read_fault
from partner_sdk.receipt import Receipt
from partner_sdk.reconcile import PATH as RECONCILIATIONS_PATH
from partner_sdk.reconcile import Progress as ReconcileProgress
from partner_sdk.reconcile import Scope, lines_by_window, parse_guide, reconcile_books, scope_of, zone_named
from partner_sdk.reconciliation import Reconciliation
from partner_sdk.result import (
    CardBalance,
    Event,
    Flushed,
    Result,
    StepUp,
    Window,
    parse_card_balance,
    parse_events,
    parse_result,
    parse_step_up,
    parse_windows,
)
from partner_sdk.sender import Seen, Sender, counted
from partner_sdk.signing import Signer
from partner_sdk.statement_check import StatementCheck, check_statement

Progress = Callable[[Flushed], None]

# Rows of a statement's items that are asked for at once: the hub's limit.
ITEMS_OF_A_PAGE = 5_000


class AtTheTill(TypedDict, total=False):
    """What every operation may say besides; `occurred_at` is now and `id` a new one unless given."""

    id: str
    occurred_at: datetime
    shop: str | None
    till: str | None
    reference: str | None


class Coalition:
    """One partner's connection to the hub: `async with Coalition(url, key) as hub: await hub.earn(...)`.

    Every operation is saved in the outbox before it is sent, and stays there until the hub's signed answer is kept
    beside it. Whatever error a call raises, an operation that was saved is sent again by the next `flush`, with the
    same id and the same bytes, unless the hub has given its verdict.
    """

    def __init__(
        self,
        url: str,
        key: str | Path | Ed25519PrivateKey,
        *,
        keyid: str | None = None,
        outbox: str | Path | None = None,
        hub_key: str | Path | bytes | Ed25519PublicKey | None = None,
        operations_per_message: int = 500,
        messages_in_flight: int = 4,
        timeout_s: float = 30.0,
        give_up_after_s: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        """Read the keys; nothing is opened or sent before `async with`.

        `key` is a PEM file or the key itself; `keyid` is its RFC 7638 thumbprint unless given. `outbox` is by default
        the file beside the key file that bears its name: `shop.pem` has `shop.outbox.sqlite`, so that two partners on
        one machine never share one, and the place does not depend on where the program is started. A key passed as an
        object has no place, so it needs `outbox`. `hub_key` is the only key trusted to sign the hub's answers; without
        it, those of the first `GET /v1/keys` are trusted and pinned in the outbox.
        Raises KeyUnusableError, OutboxError.
        """
        private_key = load_private_key(key)
        self._signer = Signer(private_key, keyid=keyid or thumbprint(private_key.public_key()))
        self._outbox_path = default_outbox(key) if outbox is None else Path(outbox)
        self._hub_key = None if hub_key is None else load_public_key(hub_key)
        self._url = url
        self._operations_per_message = min(max(1, operations_per_message), OPERATIONS_MAX)
        self._messages_in_flight = max(1, messages_in_flight)
        self._timeout_s, self._give_up_after_s = timeout_s, give_up_after_s
        self._backoff = backoff or Backoff()
        self._opened: tuple[Outbox, Exchange, Sender] | None = None

    @property
    def keyid(self) -> str:
        return self._signer.keyid

    @property
    def clock_offset_s(self) -> float | None:
        """How far the hub's clock is ahead of this machine's, by its newest verified answer; None before the first.

        Right to about a second. It is kept in the outbox beside each operation, and changes no `occurred_at`.
        """
        return self._parts()[1].clock_offset_s

    async def __aenter__(self) -> Self:
        outbox = Outbox(self._outbox_path)
        try:
            exchange = Exchange(
                self._url,
                signer=self._signer,
                keys=HubKeys(outbox, named=self._hub_key),
                backoff=self._backoff,
                timeout_s=self._timeout_s,
                give_up_after_s=self._give_up_after_s,
                clock_offset_s=outbox.clock_offset_s(),
            )
        except BaseException:
            outbox.close()
            raise
        sender = Sender(outbox, exchange, operations_per_message=self._operations_per_message)
        self._opened = outbox, exchange, sender
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._opened is not None:
            outbox, exchange, _ = self._opened
            self._opened = None
            outbox.close()
            await exchange.close()

    def _parts(self) -> tuple[Outbox, Exchange, Sender]:
        if self._opened is None:
            raise OutboxError("not open: use `async with Coalition(...) as hub`")
        return self._opened

    async def earn(
        self,
        *,
        card: str,
        points: int | None = None,
        purchase: Purchase | None = None,
        vat: list[VatShare] | None = None,
        promotion: str | None = None,
        **at: Unpack[AtTheTill],
    ) -> Result:
        """Book points that come in with a purchase; without `points` the partner's earn rule computes them.

        Like all of these calls it returns only a booked result. Raises RefusedError for the hub's refusal of this
        operation, MessageRejectedError if the hub finds a field invalid, and the errors of `flush`.
        """
        return await self._book(Earn(card=card, points=points, purchase=purchase, vat=vat, promotion=promotion, **at))

    async def burn(
        self,
        *,
        card: str,
        points: int,
        purchase: Purchase | None = None,
        step_up_code: str | None = None,
        **at: Unpack[AtTheTill],
    ) -> Result:
        """Book points that a member spends.

        RefusedError with the code `step_up_needed` asks for the code that the member gets: call again with it.
        """
        burn = Burn(card=card, points=points, purchase=purchase, step_up_code=step_up_code, **at)
        return await self._book(burn)

    async def ask_step_up(self, *, card: str, points: int, shop: str | None = None) -> StepUp:
        """Have a code sent to the card's member, for one burn or reserve of at most so many points at your shops.

        Raises MessageRejectedError where the programme asks for no code, HubUnreachableError with `retry_after_s` when
        the member had one a moment ago.
        """
        _, exchange, _ = self._parts()
        asked = {"points": points} | ({} if shop is None else {"shop": shop})
        path = f"/v1/cards/{quote(card, safe='')}/step-up"
        return parse_step_up((await exchange.ask("POST", path, json.dumps(asked).encode())).content())

    async def certificate(self, *, card: str, till: str, points: int, valid_s: int) -> Certificate:
        """Ask for a certificate, verify it and keep it in the outbox: `burn_offline` then needs no network.

        Nothing is reserved: what the member spends elsewhere meanwhile may be missing when the burn is booked, and your
        terms say who bears that. `valid_s` is 60 to 86,400. Raises MessageRejectedError with the hub's code if it gives
        out none (insufficient_points, too_many_certificates, certificate_over_limit, unknown_card, burn_not_allowed),
        and CertificateUnusableError for one that is not the hub's.
        """
        outbox, exchange, _ = self._parts()
        asked = {"card": card, "till": till, "points": points, "valid_s": valid_s}
        receipt = await exchange.ask("POST", "/v1/certificates", json.dumps(asked).encode())
        certificate = verify_certificate(read_certificate(receipt.content()), exchange.hub_keys)
        if (certificate.card, certificate.till, certificate.points) != (same_card(card), till, points):
            raise CertificateUnusableError("certificate_other", f"certificate {certificate.id} is not what was asked")
        outbox.put_certificate(certificate)
        return certificate

    def certificates(self, card: str | None = None) -> list[Certificate]:
        """Return the certificates in the outbox, of one card or all, oldest first, with what is left of them."""
        outbox, exchange, _ = self._parts()
        return [
            verify_certificate(signed, exchange.hub_keys, spent=spent, next_counter=counter)
            for signed, spent, counter in outbox.certificates(card=card)
        ]

    def burn_offline(
        self,
        *,
        card: str,
        points: int,
        certificate: Certificate | str,
        purchase: Purchase | None = None,
        shop: str | None = None,
        reference: str | None = None,
        id: str | None = None,
    ) -> str:
        """Burn within a certificate, given or named by its id, without a network: save it, return the operation's id.

        When it returns, the burn is on disk with its counter, and no kill gives the counter away again; the next
        `flush` sends it. It occurs now by the hub's clock, as last measured. Blocks for one commit.
        Raises CertificateUnusableError if the burn does not fit: then nothing is saved.
        """
        outbox, exchange, _ = self._parts()
        certificate_id = certificate if isinstance(certificate, str) else certificate.id
        now, offset_s = datetime.now(UTC), exchange.clock_offset_s
        hub_now = now + timedelta(seconds=offset_s or 0.0)
        kept = self._kept_certificate(certificate_id)
        burn = Burn(
            id=id or new_operation_id(),
            card=card,
            points=points,
            occurred_at=max(hub_now, kept.not_before),
            shop=shop,
            till=kept.till,
            reference=reference,
            purchase=purchase,
            certificate=certificate_id,
        )

        def fitting() -> Certificate:
            at_this_moment = self._kept_certificate(certificate_id)
            at_this_moment.refuse_unfitting(points, card=same_card(card), now=hub_now)
            return at_this_moment

        return outbox.put_offline(burn, fitting=fitting, now=now, clock_offset_s=offset_s, keyid=self.keyid)

    def _kept_certificate(self, certificate_id: str) -> Certificate:
        outbox, exchange, _ = self._parts()
        rows = outbox.certificates(certificate_id=certificate_id)
        if not rows:
            raise CertificateUnusableError("certificate_unknown", f"no certificate {certificate_id} in {outbox.path}")
        [(signed, spent, counter)] = rows
        # Verified anew each time: what lies in a file on a till may have been changed there.
        return verify_certificate(signed, exchange.hub_keys, spent=spent, next_counter=counter)

    async def reverse(
        self, *, operation_id: str, card: str, points: int | None = None, **at: Unpack[AtTheTill]
    ) -> Result:
        """Undo an earlier operation: `points` of it, or all that is left."""
        return await self._book(Reverse(card=card, operation_id=operation_id, points=points, **at))

    async def reserve(
        self,
        *,
        card: str,
        points: int,
        timeout_s: int = TIMEOUT_DEFAULT_S,
        step_up_code: str | None = None,
        **at: Unpack[AtTheTill],
    ) -> Result:
        """Set points aside; the result's id is the `reserve_id` of capture and release.

        The hold ends by itself at the result's `expires_at`: `timeout_s` after the booking, by the hub's clock.
        Limits and codes apply as to a burn; its capture asks for none.
        """
        reserve = Reserve(card=card, points=points, timeout_s=timeout_s, step_up_code=step_up_code, **at)
        return await self._book(reserve)

    async def capture(
        self, *, card: str, reserve_id: str, points: int | None = None, **at: Unpack[AtTheTill]
    ) -> Result:
        """Spend reserved points: `points` of them, and the rest is free again; or all of them.

        A hold is resolved once: after a capture, release or time-out RefusedError has the code `hold_resolved` and the
        `state` that it reached.
        """
        return await self._book(Capture(card=card, reserve_id=reserve_id, points=points, **at))

    async def release(self, *, card: str, reserve_id: str, **at: Unpack[AtTheTill]) -> Result:
        """Give all reserved points back; the result's `points` are those that are free again."""
        return await self._book(Release(card=card, reserve_id=reserve_id, **at))

    async def _book(self, operation: Operation) -> Result:
        outbox, _, sender = self._parts()
        self.put(operation)
        results = await sender.send_card(operation.card)
        # Not among them if the id had its verdict before, or a flush that ran beside this call was faster.
        result = results.get(operation.id) or outbox.result(operation.id)
        if result.verdict == "rejected":
            raise _rejection(outbox.receipt(operation.id))
        if not result.is_booked:
            raise RefusedError(result)
        return result

    def put(self, operation: Operation) -> str:
        """Save one operation to be sent by the next `flush`, and return its id. Blocks for one commit to disk."""
        return self.put_many([operation])[0]

    def put_many(self, operations: Iterable[Operation]) -> list[str]:
        """Save operations in one commit, and return their ids.

        Blocks for the commit and about 10 us an operation: give it a few thousand at a time. An id that is in the
        outbox already is left as it is. Raises InvalidOperationError for what is no operation,
        OperationIdReusedError if an id was saved with other content; then none is saved.
        """
        outbox, exchange, _ = self._parts()
        offset_s = exchange.clock_offset_s
        return outbox.put(operations, now=datetime.now(UTC), clock_offset_s=offset_s, keyid=self.keyid)

    async def flush(self, progress: Progress | None = None) -> Flushed:
        """Send all that waits and is due; return the figures. `progress` is called after each answered message.

        Refusals do not raise here: they are in the figures and in the outbox.
        Raises NotAuthorizedError, HubUnreachableError, ReceiptInvalidError; what has no answer goes on waiting.
        OutboxKeyError: operations wait that another key saved, which is not known to be this partner's.
        """
        return await self._flush(progress, is_deferred_due=False, seen=lambda results: None)

    async def send(self, operations: Iterable[Operation], progress: Progress | None = None) -> list[Result]:
        """Save and send operations and return their results in this order, whatever they are.

        What waited before goes first. For very many operations `put_many` and `flush` need less memory.
        Raises as `put_many` and `flush`.
        """
        ids = self.put_many(operations)
        seen: dict[str, Result] = {}
        await self._flush(
            progress, is_deferred_due=True, seen=lambda results: seen.update({one.id: one for one in results})
        )
        outbox = self._parts()[0]
        return [seen.get(operation_id) or outbox.result(operation_id) for operation_id in ids]

    async def _flush(self, progress: Progress | None, *, is_deferred_due: bool, seen: Seen) -> Flushed:
        outbox, _, sender = self._parts()
        so_far = Flushed(waiting=outbox.waiting()[0])

        def count(results: Sequence[Result]) -> None:
            nonlocal so_far
            so_far = counted(so_far, results)
            seen(results)
            if progress is not None:
                progress(so_far)

        await sender.flush(streams_max=self._messages_in_flight, is_deferred_due=is_deferred_due, seen=count)
        return replace(so_far, waiting=outbox.waiting()[0])

    def retry(self, operation_id: str | None = None) -> int:
        """Make what was deferred or set aside due again (or one operation, a rejected one too); return how many.

        Raises UnknownOperationError.
        """
        return self._parts()[0].retry(operation_id)

    async def adopt(self, saved_by: str) -> int:
        """Let what a key of yours saved before, named by its keyid, go by this one; return how many operations.

        Needed only where the hub has decided nothing by that key: else `flush` learns from it whose the key was. Raises
        OutboxKeyError if it was another partner's, OutboxError if nothing waits of it, and as `flush`.
        """
        outbox, exchange, _ = self._parts()
        return await adopt(outbox, exchange, saved_by)

    def receipt(self, operation_id: str) -> Receipt:
        """Return the hub's newest signed answer to this operation. Raises UnknownOperationError."""
        return self._parts()[0].receipt(operation_id)

    async def balance(self, card: str) -> CardBalance:
        """Return what lies behind a card. Raises MessageRejectedError for a card that the hub does not know."""
        return parse_card_balance((await self._get(f"/v1/cards/{quote(card, safe='')}")).content())

    async def operation(self, operation_id: str) -> Result | None:
        """Return the hub's result of an operation, or None if the hub signs that it never booked it."""
        try:
            receipt = await self._get(f"/v1/operations/{quote(operation_id, safe='')}")
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

    async def statement(self, window: int) -> dict[str, Any]:
        """Return this partner's statement of a window."""
        content = (await self._get(f"/v1/windows/{window}/statement")).content()
        if not isinstance(content, dict):
            raise AnswerNotUnderstoodError("expected a statement", content=content)
        return content

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

    async def _get(self, path: str) -> Receipt:
        return await self._parts()[1].ask("GET", path)


def default_outbox(key: str | Path | Ed25519PrivateKey) -> Path:
    """Return the outbox that belongs to a key file. Raises OutboxError for a key without one."""
    if isinstance(key, Ed25519PrivateKey):
        raise OutboxError("a key that is not a file needs `outbox`: the path of the file that keeps its operations")
    return Path(key).with_suffix(".outbox.sqlite")


def _rejection(receipt: Receipt) -> MessageRejectedError:
    fault = read_fault(status=receipt.status, headers={}, body=receipt.body, receipt=receipt, now=receipt.received_at)
    return fault.error()
