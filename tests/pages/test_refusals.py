"""What an operator is refused on the finance pages is told in his language."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from coalition.lanes.close_window import close_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.correct_document import draft_correction, withdraw_correction
from settlement.operations.manage_legal_party import set_legal_party
from tests.pages.conftest import PASSWORD, RunningSite
from tests.pages.forms import Forms
from tests.pages.test_finance import NEXT_YEAR, book_window
from tests.pages.test_shares import dispute

ADDRESS = {"street": "Ring 1", "post_code": "20457", "town": "Hamburg", "country": "DE"}
ANSWERS = (
    (
        {"decision": "accept", "answer": "x", "amount": "11"},
        "mehr als 0 und höchstens 10,00\xa0€, wie gefordert, nicht 11",
    ),
    ({"decision": "accept", "answer": "x", "amount": "elf"}, "erwartet ein Betrag wie 12,50, nicht „elf“"),
    ({"decision": "reject", "answer": " "}, "1 bis 1.000 Zeichen, nicht 0"),
    ({"decision": "accept", "answer": "x", "amount": "4"}, "Der Einwand ist angenommen."),
    ({"decision": "reject", "answer": "x"}, "Über diesen Einwand ist schon entschieden: Angenommen (4,00\xa0€)."),
)
TERMS = (
    ("/finance/terms/1/approve", "So darf der Entwurf nicht mehr sein. Erster Tag: Ein Tag nach heute"),
    ("/finance/terms/1/withdraw", "Der Entwurf ist zurückgezogen"),
    ("/finance/terms/1/approve", "operator:ada hat diesen Entwurf zurückgezogen."),
)
BEGIN_YESTERDAY = "UPDATE terms_draft SET content = replace(content, $1, $2), drafted_by = 'operator:berta'"


async def test_refusals_are_told_in_the_readers_language(site: RunningSite) -> None:
    """Drafts of terms that are over, answers to disputes that can't be, corrections that are decided or too late."""
    await book_window(site)
    pool = site.hub.pool
    now = datetime.now(UTC)
    window = await close_window(pool, clock=lambda: datetime.now(UTC), actor="test")
    await calculate_window(pool, window, now=now, actor="test")
    await dispute(site, 1, "10.00", digest=b"a")
    await site.operator("ada", "operate", "approve")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in?language=de")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        for form, told in ANSWERS:
            assert told in (await forms.post("/finance/windows/1/disputes/1", **form)).text, form

        await forms.get("/finance/terms/partners/1")
        await forms.post("/finance/terms/partners/1", valid_from=f"{NEXT_YEAR}-01-01", seen_version="1")
        await pool.execute(BEGIN_YESTERDAY, f"{NEXT_YEAR}-01-01", f"{now - timedelta(days=1):%Y-%m-%d}")
        for path, told in TERMS:
            assert told in (await forms.post(path)).text, path

        await forms.post("/finance/windows/1/approve", moves="2")
        await set_legal_party(pool, None, {"legal_name": "Operator", **ADDRESS}, now=now, actor="test")
        lacking = (await forms.post("/finance/windows/1/invoice")).text
        assert "Bakery: Name und Anschrift; Garage: Name und Anschrift" in lacking
        for partner, name in ((1, "Bakery"), (2, "Garage"), (3, "Florist")):
            await set_legal_party(pool, partner, {"legal_name": name, **ADDRESS}, now=now, actor="test")
        files = (await forms.post("/finance/windows/1/invoice")).text
        assert "der Betreiber hat keine Bankverbindung" in files
        assert (
            "die Nummern des Beraters und des Mandanten fehlen: <code>coalition datev set --consultant NUMBER" in files
        )
        number = await pool.fetchval("SELECT min(number) FROM tax_document WHERE partner = 1")
        drafts = [
            await draft_correction(pool, number, reason="x", taken_back={1: Decimal(amount)}, now=now, actor="berta")
            for amount in (90, 91, 1)
        ]
        first, second, third = (draft.correction for draft in drafts)
        await withdraw_correction(pool, third, now=now, actor="berta")
        for correction, decision, told in (
            (first, "approve", "Die Korrektur ist ausgestellt"),
            (first, "withdraw", "Diese Korrektur ist schon ausgestellt, als CRN"),
            (second, "approve", "dass diese Korrektur nicht mehr passt"),
            (third, "approve", "Diese Korrektur ist zurückgezogen."),
        ):
            seen = await forms.post(f"/finance/windows/1/corrections/{correction}/{decision}")
            assert told in seen.text, (correction, decision)
