"""Partners see their windows and statements, signed both ways, and nobody else's."""

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from openpyxl import load_workbook

from coalition.database.pool import Pool
from coalition.http.app import build_app
from coalition.http.hub_key import load_signer
from coalition.lanes.clearing import Clearing
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import public_key_pem
from partner_sdk import Coalition, billing
from settlement import errors
from settlement.documents.report_formats import report_document
from settlement.http import routes
from settlement.http.answers import StatementAnswer, WindowsAnswer
from settlement.http.documents import DocumentsAnswer
from settlement.http.problems import STATUSES
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.invoice_window import invoice_window
from settlement.operations.manage_legal_party import set_legal_party
from settlement.operations.report_window import report_window
from settlement.operations.reports.make_report import make_report
from tests.database.settlement_books import Books, now
from tests.pure.settlement.en16931 import broken_rules
from tests.shop import Shop


class Journey:
    """Two shops at a running hub with settlement mounted, and one member."""

    def __init__(self, books: Books, issuer: Shop, redeemer: Shop, card: str) -> None:
        self.books, self.issuer, self.redeemer, self.card = books, issuer, redeemer, card

    async def close_and_calculate(self) -> int:
        window_no = await self.books.close()
        await calculate_window(self.books.pool, window_no, now=now(), actor="anna")
        return window_no


@pytest.fixture
async def journey(pool: Pool, tmp_path: Path) -> AsyncIterator[Journey]:
    clearing = Clearing(pool, clock=now)
    app = build_app(clearing, load_signer(tmp_path / "hub-key.pem"), more_routes=routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession() as session:
        shops = [Shop(session, f"{host}:{port}", name) for name in ("Issuer", "Redeemer")]
        for shop in shops:
            pem = public_key_pem(shop.private_key.public_key())
            await add_partner(pool, name=shop.name, key_pem=pem, terms=FirstTerms(), now=now(), actor="test")
        await clearing.registry.load()
        (member,) = await add_members(pool, [NewMember("m@shop.example", "A member")], now=now())
        yield Journey(Books(pool), *shops, member.card)
    await runner.cleanup()


async def test_from_earn_to_statement(journey: Journey) -> None:
    """What two shops book is what their statements say, reversals too, and the window ties out with balances."""
    earned = await journey.issuer.earn(journey.card, 1000)
    await journey.redeemer.burn(journey.card, 300)
    await journey.issuer.reverse(journey.card, earned["id"], points=200)
    window_no = await journey.close_and_calculate()
    answered = await journey.issuer.get(f"/v1/windows/{window_no}/statement")
    assert (answered.status, answered.headers["Content-Type"]) == (200, "application/json")
    assert "Signature" in answered.headers
    statement = StatementAnswer.model_validate_json(answered.body)
    assert [(line.code, line.points, line.amount) for line in statement.lines] == [
        ("issue_charge", 1000, "10.00"),
        ("issue_charge_reversed", -200, "-2.00"),
    ]
    assert statement.totals.net == "8.00"
    assert statement.control.issue_reversed.operations == 1
    report = await report_window(journey.books.pool, window_no)
    assert [str(partner.net) for partner in report.partners] == ["8.00", "-3.00"]


async def test_each_partner_gets_its_own_statement(journey: Journey) -> None:
    await journey.issuer.earn(journey.card, 1000)
    await journey.redeemer.burn(journey.card, 300)
    await journey.close_and_calculate()
    names = [
        (await shop.get("/v1/windows/1/statement")).document["partner"]["name"]
        for shop in (journey.issuer, journey.redeemer)
    ]
    assert names == ["Issuer", "Redeemer"]


async def test_csv_xlsx_and_pdf_lie_beside_it(journey: Journey) -> None:
    await journey.issuer.earn(journey.card, 123_456)
    await journey.close_and_calculate()
    as_csv = await journey.issuer.get("/v1/windows/1/statement.csv?language=de")
    assert as_csv.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert ["Saldo", "1234,56", "EUR"] in csv.reader(io.StringIO(as_csv.body.decode("utf-8-sig")), delimiter=";")
    as_xlsx = await journey.issuer.get("/v1/windows/1/statement.xlsx?language=de")
    assert as_xlsx.headers["Content-Disposition"].endswith('.xlsx"')
    assert load_workbook(io.BytesIO(as_xlsx.body))["Zeilen"]["G2"].value == 1234.56
    as_pdf = await journey.issuer.get("/v1/windows/1/statement.pdf")
    assert as_pdf.headers["Content-Type"] == "application/pdf"
    assert as_pdf.headers["Content-Disposition"].endswith('.pdf"')
    assert as_pdf.body.startswith(b"%PDF")
    assert "Signature" in as_pdf.headers
    assert (await journey.issuer.get("/v1/windows/1/statement.pdf")).body == as_pdf.body


async def test_items_are_paged_and_together_the_whole_file(journey: Journey) -> None:
    """Each page is signed; the next one begins after the last row, until one has none."""
    for points in (100, 200, 300):
        await journey.issuer.earn(journey.card, points, reference="=1+1")
    await journey.redeemer.burn(journey.card, 50)
    await journey.close_and_calculate()
    for suffix in ("csv", "jsonl"):
        path = f"/v1/windows/1/items.{suffix}"
        whole = await journey.issuer.get(path)
        assert "Signature" in whole.headers
        first = await journey.issuer.get(f"{path}?limit=2")
        body, last = first.body, first.body.decode().splitlines()[-1]
        place = last.split(";")[0] if suffix == "csv" else json.loads(last)["item"]
        body += (await journey.issuer.get(f"{path}?limit=2&after={place}")).body
        assert body == whole.body
        end = body.decode().splitlines()[-1]
        place = end.split(";")[0] if suffix == "csv" else json.loads(end)["item"]
        assert (await journey.issuer.get(f"{path}?after={place}")).body == b""
    rows = [json.loads(line) for line in whole.body.splitlines()]
    assert [(row["points"], row["amount"], row["line"]) for row in rows] == [
        (100, "1", "issue_charge"), (200, "2", "issue_charge"), (300, "3", "issue_charge")
    ]  # fmt: skip


async def test_the_sdk_goes_through_all_items_and_windows(
    journey: Journey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, each signed, the one without rows too. A window has the days of sale that its statement has."""
    for points in (100, 200, 300):
        await journey.issuer.earn(journey.card, points)
    await journey.close_and_calculate()
    monkeypatch.setattr(billing, "ITEMS_OF_A_PAGE", 2)
    key, outbox = journey.issuer.private_key, tmp_path / "outbox.sqlite"
    async with Coalition(f"http://{journey.issuer.authority}", key, outbox=outbox) as hub:
        items = [item async for item in hub.items(1)]
        assert (await hub.statement_file(1, "xlsx")).startswith(b"PK")
        (first, second), statement = await hub.windows(), await hub.statement(1)
    days = {name: date.fromisoformat(statement["window"][name]) for name in ("sales_from", "sales_until")}
    assert {"sales_from": first.sales_from, "sales_until": first.sales_until} == days
    assert (first.state, first.net, first.share_state) == ("CALCULATED", statement["totals"]["net"], "CALCULATED")
    assert (second.state, second.sales_from, second.closed_at) == ("OPEN", None, None)
    assert [(item["points"], item["amount"]) for item in items] == [(100, "1"), (200, "2"), (300, "3")]


async def test_windows_are_paged_with_the_callers_own_nets(journey: Journey) -> None:
    await journey.issuer.earn(journey.card, 1000)
    await journey.close_and_calculate()
    await journey.redeemer.burn(journey.card, 300)
    await journey.close_and_calculate()
    first = WindowsAnswer.model_validate_json((await journey.redeemer.get("/v1/windows?limit=2")).body)
    assert [(window.window, window.state, window.net, window.share_state) for window in first.windows] == [
        (1, "CALCULATED", None, None),
        (2, "CALCULATED", "-3.00", "CALCULATED"),
    ]
    # Sales of the redeemer's own: it has none in the first window.
    first_window, second_window = first.windows
    assert (first_window.sales_from, first_window.sales_until) == (None, None)
    assert second_window.sales_from == second_window.sales_until is not None
    rest = WindowsAnswer.model_validate_json((await journey.redeemer.get(f"/v1/windows?after={first.next}")).body)
    assert [(window.window, window.state) for window in rest.windows] == [(3, "OPEN")]
    assert rest.next is None


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/windows/1/statement", 404, "unknown_statement"),
        ("/v1/windows/9/statement", 404, "unknown_window"),
        ("/v1/windows/0/statement", 422, "number_out_of_range"),
        ("/v1/windows/-1/statement", 422, "number_out_of_range"),
        ("/v1/windows/99999999999/statement.pdf", 422, "number_out_of_range"),
        ("/v1/windows/x/statement.csv", 422, "number_out_of_range"),
        ("/v1/windows/%D9%A1/statement", 422, "number_out_of_range"),
        ("/v1/windows/1/statement.pdf?language=xx", 422, "language_unknown"),
        ("/v1/windows/1/items.csv", 404, "unknown_statement"),
        ("/v1/windows/1/items.jsonl?after=1.2", 422, "cursor_unknown"),
        ("/v1/windows/1/items.jsonl?limit=5001", 422, "number_out_of_range"),
        ("/v1/windows?after=-1", 422, "number_out_of_range"),
        ("/v1/windows?limit=0", 422, "number_out_of_range"),
        ("/v1/windows?limit=1001", 422, "number_out_of_range"),
    ],
)
async def test_bad_questions_get_signed_refusals(journey: Journey, path: str, status: int, code: str) -> None:
    answered = await journey.issuer.get(path)
    assert (answered.status, answered.document["code"]) == (status, code)
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert "Signature" in answered.headers


async def test_without_a_signature_nothing_is_told(journey: Journey) -> None:
    for path in ("/v1/windows", "/v1/windows/1/statement", "/v1/windows/1/statement.csv"):
        answered = await journey.issuer.get(path, headers={"Signature": None})
        assert answered.status == 401


async def test_every_error_has_its_status() -> None:
    """None is left out of the table."""

    def below(error: type[errors.SettlementError]) -> set[type[errors.SettlementError]]:
        return {error} | {deeper for child in error.__subclasses__() for deeper in below(child)}

    kinds = {errors.SettlementError, errors.InvalidFieldsError}
    assert set(STATUSES) == below(errors.SettlementError) - kinds


async def test_the_description_knows_the_calls(journey: Journey) -> None:
    async with journey.issuer.session.get(f"http://{journey.issuer.authority}/openapi.json") as answer:
        paths = json.loads(await answer.read())["paths"]
    assert {route.path for route in routes} <= set(paths)


async def test_tax_documents_are_for_their_partner_alone(journey: Journey) -> None:
    """Listed per window, as EN 16931 XML byte for byte as issued, and as a letter; nobody else's."""
    issuer, redeemer = journey.issuer, journey.redeemer
    await issuer.earn(journey.card, 1200)
    await redeemer.burn(journey.card, 450)
    window_no = await journey.close_and_calculate()
    await approve_window(journey.books.pool, window_no, now=now(), actor="bert")
    address = {"street": "Hafenstraße 1", "post_code": "20457", "town": "Hamburg", "country": "DE"}
    for partner in (None, 1, 2):
        changes = {"legal_name": f"Party {partner}", **address}
        await set_legal_party(journey.books.pool, partner, changes, now=now(), actor="test")
    before = await issuer.get(f"/v1/windows/{window_no}/documents")
    assert before.document == {"documents": []}
    await invoice_window(journey.books.pool, window_no, now=now(), actor="bert")
    (listed,) = DocumentsAnswer.model_validate(
        (await issuer.get(f"/v1/windows/{window_no}/documents")).document
    ).documents
    assert (listed.kind, listed.type_code, listed.gross) == ("invoice", "380", "12.00")
    path = f"/v1/windows/{window_no}/documents/{listed.number}"
    xml, letter = await issuer.get(f"{path}.xml"), await issuer.get(f"{path}.pdf")
    assert hashlib.sha256(xml.body).hexdigest() == listed.xml_sha256
    assert broken_rules(xml.body) == []
    assert letter.body.startswith(b"%PDF-")
    for refused in (
        await redeemer.get(f"{path}.xml"),
        await issuer.get(f"/v1/windows/99/documents/{listed.number}.pdf"),
    ):
        assert (refused.status, refused.document["code"]) == (404, "unknown_document")


async def test_what_came_late_is_shown_as_of_an_earlier_period(journey: Journey) -> None:
    """A sale from before the last one of the window before, by its own day; the rest of the window is not."""
    today = now()
    days = [(today - timedelta(days=back)).isoformat() for back in (3, 2, 1)]
    await journey.issuer.earn(journey.card, 500, occurred_at=days[1])
    await journey.close_and_calculate()
    earned = await journey.issuer.earn(journey.card, 70, occurred_at=days[0])
    await journey.issuer.reverse(journey.card, earned["id"], points=20, occurred_at=days[2])
    await journey.issuer.earn(journey.card, 300, occurred_at=days[2])
    await journey.redeemer.burn(journey.card, 40)
    await journey.close_and_calculate()
    first, second = [
        StatementAnswer.model_validate_json((await journey.issuer.get(f"/v1/windows/{number}/statement")).body)
        for number in (1, 2)
    ]
    assert first.prior_periods == []
    (late,) = second.prior_periods
    assert (late.kind, late.points, late.operations) == ("issued", 70, 1)
    assert late.sales_from == late.sales_until
    other = StatementAnswer.model_validate_json((await journey.redeemer.get("/v1/windows/2/statement")).body)
    assert other.prior_periods == []
    # The report measures by the same rule, though all three days are before the window was opened.
    report = report_document(await make_report(journey.books.pool, "late", now=now(), window_no=2))
    assert [(row["kind"], row["operations"], row["points"]) for row in report["late_items"]] == [("record.earn", 1, 70)]
