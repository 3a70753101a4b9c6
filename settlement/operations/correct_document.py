"""Correct a tax document: one person drafts it, another agrees, and only then is anything issued."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.stores.windows import lock_windows
from settlement.documents.invoice_json import read_invoice_json
from settlement.engine.correction import correct, left_of, owed_after
from settlement.engine.invoice import Invoice
from settlement.errors import (
    CorrectionDecidedError,
    DrafterMayNotApproveError,
    MissingLegalDataError,
    UnknownCorrectionError,
    UnknownDocumentError,
)
from settlement.operations.issue_documents import number_invoices, refuse_missing_data
from settlement.stores.adjustments import Adjustment, insert_adjustments
from settlement.stores.corrections import (
    Correction,
    insert_draft,
    load_correcting,
    load_corrections,
    lock_draft,
    lock_original,
    mark_issued,
    mark_withdrawn,
)
from settlement.stores.disputes import offset_against_held
from settlement.stores.hub import Programme, load_programme
from settlement.stores.legal_parties import load_legal_parties
from settlement.stores.tax_documents import TaxDocument, find_document, insert_documents, load_content
from settlement.worded import Worded


async def draft_correction(
    pool: Pool,
    number: str,
    *,
    reason: str,
    taken_back: Mapping[int, Decimal] | None,
    now: datetime,
    actor: str,
) -> Correction:
    """Write down what is to be corrected of a document; nothing is issued before somebody agrees.

    `taken_back` is the amount without VAT by line; empty: only its words are put right, with its parties' data as they
    are then; None: all that is left is taken back.

    Raises:
        UnknownDocumentError: there is no document of that number.
        InvalidCorrectionError: it cannot be corrected so; names every line and field.
        MissingLegalDataError: nobody has written down who its parties are.
    """
    async with pool.acquire() as connection, connection.transaction():
        programme = await load_programme(connection)
        document = await find_document(connection, number, programme.currency)
        if document is None:
            raise UnknownDocumentError(number=number)
        if taken_back is None:
            taken_back = await _all_that_is_left(connection, document)
        await _corrected(connection, document, programme, taken_back, reason=reason, now=now)
        correction = await insert_draft(
            connection,
            document.document,
            reason=reason.strip(),
            taken_back=taken_back,
            currency=programme.currency,
            now=now,
            actor=actor,
        )
        (drafted,) = await load_corrections(connection, programme.currency, correction=correction)
        return drafted


async def approve_correction(
    pool: Pool, correction: int, *, now: datetime, actor: str, is_second_person_needed: bool = True
) -> Correction:
    """Issue the document of a draft, with the next number of its series; what is issued already stays as it is.

    What it takes back waits for the partner's next payment, as a line of its own. Whoever drafted it may not approve
    it, unless `is_second_person_needed` is turned off, for the operator's own shell.

    Raises:
        UnknownCorrectionError: there is no draft of that number.
        CorrectionDecidedError: it was withdrawn.
        DrafterMayNotApproveError: the actor is who drafted it.
        InvalidCorrectionError: others have taken back so much meanwhile that it no longer fits.
        MissingLegalDataError: the parties lack data that the document needs.
    """
    async with pool.acquire() as connection, connection.transaction():
        # First, as whatever moves a window's money has it: what was held out of it is set off once.
        await lock_windows(connection)
        programme, draft = await _locked_draft(connection, correction)
        if draft.issued is not None:
            return draft
        if draft.is_withdrawn:
            raise CorrectionDecidedError(correction=correction, issued=None)
        if is_second_person_needed and actor == draft.drafted_by:
            raise DrafterMayNotApproveError(correction=correction, actor=actor)
        await lock_original(connection, draft.document)
        await _issue(connection, draft, programme, now=now, actor=actor)
        (issued,) = await load_corrections(connection, programme.currency, correction=correction)
        return issued


async def withdraw_correction(pool: Pool, correction: int, *, now: datetime, actor: str) -> Correction:
    """Let nothing come of a draft; one that is withdrawn stays so.

    Raises:
        UnknownCorrectionError: there is no draft of that number.
        CorrectionDecidedError: its document is issued.
    """
    async with pool.acquire() as connection, connection.transaction():
        programme, draft = await _locked_draft(connection, correction)
        if draft.issued is not None:
            raise CorrectionDecidedError(correction=correction, issued=draft.issued)
        if not draft.is_withdrawn:
            await mark_withdrawn(connection, correction, now=now, actor=actor)
        (withdrawn,) = await load_corrections(connection, programme.currency, correction=correction)
        return withdrawn


async def list_corrections(pool: Pool, *, window_no: int | None = None) -> list[Correction]:
    """Return corrections in the order in which they were drafted, of all windows' documents or of one's."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        programme = await load_programme(connection)
        return await load_corrections(connection, programme.currency, window_no=window_no)


async def _locked_draft(connection: Connection, correction: int) -> tuple[Programme, Correction]:
    if not await lock_draft(connection, correction):
        raise UnknownCorrectionError(correction=correction)
    programme = await load_programme(connection)
    (draft,) = await load_corrections(connection, programme.currency, correction=correction)
    return programme, draft


async def _all_that_is_left(connection: Connection, document: TaxDocument) -> dict[int, Decimal]:
    original, earlier = await _original(connection, document)
    return {line: amount for line, amount in left_of(original, earlier).items() if amount}


async def _original(connection: Connection, document: TaxDocument) -> tuple[Invoice, list[Invoice]]:
    content, _ = await load_content(connection, document.document)
    earlier = await load_correcting(connection, document.document)
    return read_invoice_json(content), [read_invoice_json(correcting) for correcting in earlier]


async def _corrected(
    connection: Connection,
    document: TaxDocument,
    programme: Programme,
    taken_back: Mapping[int, Decimal],
    *,
    reason: str,
    now: datetime,
) -> Invoice:
    original, earlier = await _original(connection, document)
    parties = await load_legal_parties(connection)
    partner = parties.partners.get(document.partner)
    if parties.operator is None or partner is None:
        raise MissingLegalDataError(window=document.window_no, missing=[Worded.of("addresses")])
    corrected = correct(
        original,
        taken_back,
        earlier,
        reason=reason,
        operator=parties.operator,
        partner=partner,
        issued_on=now.astimezone(programme.zone).date(),
    )
    refuse_missing_data([corrected], document.window_no)
    return corrected


async def _issue(connection: Connection, draft: Correction, programme: Programme, *, now: datetime, actor: str) -> None:
    document = await find_document(connection, draft.number, programme.currency)
    assert document is not None, "a document is never deleted"
    corrected = await _corrected(connection, document, programme, draft.taken_back, reason=draft.reason, now=now)
    year = corrected.issued_on.year
    (numbered,) = issued = await number_invoices(connection, [corrected], year=year)
    await insert_documents(connection, issued, year=year, corrects=document.document, now=now, actor=actor)
    written = await find_document(connection, numbered.invoice.number, programme.currency)
    assert written is not None, "it was written just now"
    await mark_issued(connection, draft.correction, issued=written.document, now=now, actor=actor)
    owed = owed_after(corrected)
    if owed:
        adjustment = Adjustment(
            partner=document.partner,
            kind="correction",
            amount=owed,
            from_window=document.window_no,
            about=written.document,
        )
        offset = await offset_against_held(connection, adjustment, programme.currency)
        await insert_adjustments(connection, [adjustment, *offset], programme.currency, now=now)
