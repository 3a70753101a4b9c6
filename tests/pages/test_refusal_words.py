"""Whatever an operator can be refused on a finance page has words in each language."""

from dataclasses import dataclass
from decimal import Decimal
from string import Formatter

import pytest

from coalition.pages.formats import Formats
from coalition.pages.language import LANGUAGES, Language
from settlement import errors
from settlement.engine.match_payments import unmatched
from settlement.errors import Difference, FieldProblem, SettlementError
from settlement.pages.refusals import different, lacking, told
from settlement.pages.wording import WORDS
from settlement.worded import TOLD, WORD_CODES, Worded
from tests.pages.test_parts import PROGRAMME

NO_IBAN = Worded.of("no_iban")
# Each with what a German page has to name of it.
ON_PAGES: list[tuple[SettlementError, str]] = [
    (errors.AlreadyClosedError(), "schon geschlossen"),
    (errors.IllegalMoveError(subject="share", from_state="PAID", to_state="OVERDUE", allowed=()), "„Bezahlt“"),
    (errors.IllegalMoveError(subject="window", from_state="OPEN", to_state="SETTLED", allowed=()), "„Offen“"),
    (errors.TieOutError(window=7, differences=()), "Kontrollsummen"),
    (errors.UnknownTermsError(partner=12, version=3), "Partner 12 hat keine Fassung 3"),
    (errors.MixedCurrencyError(expected="EUR", actual="CHF"), "in EUR ab, und Konditionen lauten auf CHF"),
    (errors.UnbalancedNettingError(expected=Decimal("1.00"), actual=Decimal("2.50")), "2,50\xa0€"),
    (errors.InvalidSplitError(problem=Worded.of("split_weights", weights=[0, 0])), "Gewichten [0, 0]"),
    (errors.DraftDecidedError(draft=4, state="APPROVED", decided_by="ada"), "ada"),
    (errors.StaleDraftError(expected=1, actual=2), "neu entwerfen"),
    (errors.TermsDrafterError(draft=4, actor="ada"), "jemand anderes"),
    (errors.SecondPersonNeededError(window=7, actor="ada"), "jemand anderes"),
    (errors.FiguresChangedError(window=7, moves_seen=1, moves=2), "neu berechnet"),
    (errors.InvalidTermsError(problems=[FieldProblem(field="commission", problem="x")]), "Provision"),
    (errors.InvalidDisputeError(problems=[FieldProblem.of("answer", expected="x", got=0)]), "nicht 0"),
    (errors.DisputeResolvedError(dispute=1, state="REJECTED", accepted=None), "schon entschieden"),
    (errors.MissingLegalDataError(window=7, missing=[Worded.of("address", name="Bakery", partner=1)]), "Bakery: Name"),
    (errors.InvalidCorrectionError(number="INV-1", problems=()), "passt"),
    (errors.CorrectionDecidedError(correction=1, issued=None), "zurückgezogen"),
    (errors.CorrectionDecidedError(correction=1, issued="CRN-1"), "CRN-1"),
    (errors.DrafterMayNotApproveError(correction=1, actor="ada"), "jemand anderes"),
    (errors.UnreadableBankFileError(line=3, problem=NO_IBAN), "Zeile 3: die IBAN des Kontos fehlt"),
    (errors.ForeignBankFileError(line=3, what="the currency", expected="EUR", actual="USD"), "erwartet EUR"),
    (errors.UnknownBankAccountError(party="the operator"), "nicht hinterlegt"),
    (errors.UnknownBankEntryError(statement="S", entry="E", part=1), "schon zugeordnet"),
    (errors.InvalidEntrySplitError(problems=[FieldProblem(field="part 2", problem=NO_IBAN)]), "Teil 2: die IBAN"),
]
# Pages answer these by a page of their own, ask for nothing that ends so, or list the reasons alone.
NOT_TOLD_AS_ONE = {
    *(errors.UnknownDraftError, errors.UnknownDisputeError, errors.UnknownPartnerError, errors.UnknownWindowError),
    *(errors.UnknownStatementError, errors.UnknownDocumentError, errors.UnknownCorrectionError),
    *(errors.UnknownLegalPartyError, errors.InvalidPeriodError),
    *(errors.InvalidFieldsError, errors.InvalidBlockError, errors.InvalidRulesError, errors.InvalidLegalPartyError),
    *(errors.InvalidBankAccountError, errors.InvalidBreakageRuleError, errors.InvalidDatevSettingsError),
    *(errors.PaymentRefusedError, errors.DefaultTooEarlyError, errors.AlreadyDisputedError),
    *(errors.DisputeTooLateError, errors.PaymentFileRefusedError, errors.DatevRefusedError),
}


@dataclass
class Reader:
    """Reads the words of the pages as they stand."""

    language: Language = "de"

    @property
    def formats(self) -> Formats:
        return Formats(self.language, PROGRAMME)

    def word(self, key: str, **values: object) -> str:
        return WORDS[self.language][key].format(**values)


def subclasses(parent: type[SettlementError]) -> set[type[SettlementError]]:
    return {found for child in parent.__subclasses__() for found in (child, *subclasses(child))}


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("error", "expected"), ON_PAGES)
def test_a_refusal_is_told_in_german(error: SettlementError, expected: str) -> None:
    """And never as the command line tells it."""
    words = told(Reader(), error)
    assert expected in words
    assert not str(error) or str(error) not in words


def test_every_error_is_told_or_asked_for_by_no_page() -> None:
    """Whoever adds an error says which of the two it is."""
    worded = {type(error) for error, _ in ON_PAGES}
    assert worded | NOT_TOLD_AS_ONE == subclasses(SettlementError)
    assert worded & NOT_TOLD_AS_ONE == set()


def test_every_lack_has_words_in_each_language_with_its_values_alone() -> None:
    assert TOLD.keys() == set(WORD_CODES)
    for language in LANGUAGES:
        for code, english in TOLD.items():
            assert names_in(WORDS[language][f"finance.lack.{code}"]) <= names_in(english), (language, code)


def test_values_are_as_the_reader_writes_them() -> None:
    """Amounts, counts, states and reasons; numbers of something have no separators."""
    reader = Reader()
    paid = unmatched(Decimal("-1"), None, "other_way", received=Decimal("1250.00"))
    cases = {
        Worded.of("sum", amount=Decimal("-6.50"), total=Decimal("1000.00")): "zusammen −6,50\xa0€ erwartet",
        Worded.of("file_bytes", most=16_777_216, got=20_000_000): "höchstens 16.777.216 Bytes",
        Worded.of("debtor", partner=60_000, base=70_000): "Partner 60000 gibt es kein Debitorenkonto unter 70000",
        Worded.of("early", state="ACCEPTED"): "der Anteil ist „Angenommen“",
        Worded.of("reason", reason=paid.reason): "vom Anteil ist 1.250,00\xa0€ bezahlt",
    }
    for lack, expected in cases.items():
        assert expected in lacking(reader, lack), lack
    places = Worded.of("origin_points", kind="redeem_reversed", partner=12, version=1)
    assert different(reader, Difference(where=places, expected=1000, actual=2500)) == (
        "Punkte (Einlösung storniert) bei Partner 12 nach Fassung 1 seiner Konditionen: erwartet 1.000, nicht 2.500 "
        "(Differenz +1.500)"
    )
