"""What the settlement refused, in the words of the page that it was asked on."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from coalition.pages.formats import Formats
from coalition.pages.language import Language
from settlement.documents.figures import grouped
from settlement.engine.match_payments import Reason
from settlement.engine.states import WINDOW_STATES
from settlement.errors import (
    AlreadyClosedError,
    CorrectionDecidedError,
    Difference,
    DisputeResolvedError,
    DraftDecidedError,
    DrafterMayNotApproveError,
    FiguresChangedError,
    ForeignBankFileError,
    IllegalMoveError,
    InvalidCorrectionError,
    InvalidDisputeError,
    InvalidEntrySplitError,
    InvalidSplitError,
    InvalidTermsError,
    MissingLegalDataError,
    MixedCurrencyError,
    SecondPersonNeededError,
    SettlementError,
    StaleDraftError,
    TermsDrafterError,
    TieOutError,
    UnbalancedNettingError,
    UnknownBankAccountError,
    UnknownBankEntryError,
    UnknownTermsError,
    UnreadableBankFileError,
)
from settlement.worded import Worded

# Those whose words name nothing.
_PLAIN: dict[type[SettlementError], str] = {
    TieOutError: "finance.fault.tie_out",
    SecondPersonNeededError: "finance.fault.second_person",
    FiguresChangedError: "finance.fault.figures_changed",
    DrafterMayNotApproveError: "finance.fault.drafter",
    AlreadyClosedError: "finance.fault.already_closed",
    TermsDrafterError: "finance.terms.fault.drafter",
    StaleDraftError: "finance.terms.fault.stale",
    InvalidCorrectionError: "finance.fault.correction_too_much",
    UnknownBankAccountError: "finance.bank.no_account",
    UnknownBankEntryError: "finance.bank.split.gone",
}
# Values of words by name: amounts of the programme's currency that come as texts, and counts, which are no number of
# something.
_AMOUNTS: Final = frozenset(("received", "total"))
_COUNTS: Final = frozenset(("most", "got"))


class Reader(Protocol):
    """Who is told: a visit of a page."""

    language: Language

    @property
    def formats(self) -> Formats: ...

    def word(self, key: str, **values: object) -> str: ...


def told(reader: Reader, error: SettlementError) -> str:
    """Return a refusal in the reader's language."""
    if type(error) in _PLAIN:
        return reader.word(_PLAIN[type(error)])
    match error:
        case MissingLegalDataError():
            missing = "; ".join(lacking(reader, lack) for lack in error.missing)
            return reader.word("finance.fault.missing_data", missing=missing)
        case IllegalMoveError():
            return reader.word("finance.fault.illegal_move", state=_state(reader, error.from_state))
        case UnreadableBankFileError():
            return reader.word("finance.bank.unreadable", line=error.line, problem=lacking(reader, error.problem))
        case ForeignBankFileError():
            return reader.word("finance.bank.foreign", line=error.line, expected=error.expected, actual=error.actual)
        case InvalidEntrySplitError():
            return "; ".join(f"{_place(reader, one.field)}{lacking(reader, one.problem)}" for one in error.problems)
        case UnknownTermsError():
            return reader.word("finance.fault.unknown_terms", partner=error.partner, version=error.version)
        case MixedCurrencyError():
            return reader.word("finance.fault.mixed_currency", expected=error.expected, actual=error.actual)
        case UnbalancedNettingError():
            sums = {"expected": reader.formats.money(error.expected), "actual": reader.formats.money(error.actual)}
            return reader.word("finance.fault.unbalanced_netting", **sums)
        case InvalidSplitError():
            return reader.word("finance.fault.split", problem=lacking(reader, error.problem))
        case DraftDecidedError():
            return reader.word(f"finance.terms.fault.decided.{error.state}", actor=error.decided_by)
        case InvalidTermsError():
            return _terms_told(reader, error)
        case InvalidDisputeError():
            return _dispute_told(reader, error)
        case DisputeResolvedError():
            state = reader.word(f"finance.dispute_state.{error.state}")
            accepted = "" if not error.accepted else f" ({reader.formats.money(error.accepted)})"
            return reader.word("finance.fault.dispute_resolved", state=f"{state}{accepted}")
        case CorrectionDecidedError(issued=None):
            return reader.word("finance.fault.correction_withdrawn")
        case CorrectionDecidedError():
            return reader.word("finance.fault.correction_issued", number=error.issued)
        case _:
            # No page asks for what ends so; it is handed on word for word.
            return reader.word("finance.fault.other", detail=str(error))


def lacking(reader: Reader, lack: str) -> str:
    """Return what is missing or wrong in the reader's language."""
    if not isinstance(lack, Worded):
        return lack
    return reader.word(f"finance.lack.{lack.code}", **_values(reader, lack.values))


def why(reader: Reader, reason: Reason) -> str:
    """Return in the reader's language why an entry of the bank was matched to nothing."""
    return reader.word(f"finance.bank.reason.{reason.code}", **_values(reader, reason.values))


def different(reader: Reader, difference: Difference) -> str:
    """Return in the reader's language where two figures of the books disagree."""
    sign = "+" if difference.amount > 0 else ""
    return reader.word(
        "finance.difference",
        where=lacking(reader, difference.where),
        expected=grouped(difference.expected, reader.language),
        actual=grouped(difference.actual, reader.language),
        difference=f"{sign}{grouped(difference.amount, reader.language)}",
    )


def _values(reader: Reader, values: Mapping[str, object]) -> dict[str, Any]:
    """Return what words name, as the reader writes it. Reasons come with their amounts as texts."""
    return {name: _value(reader, name, value) for name, value in values.items()}


def _value(reader: Reader, name: str, value: object) -> object:
    match value:
        case Reason():
            return why(reader, value)
        case Decimal():
            return reader.formats.money(value)
        case str() if name in _AMOUNTS:
            return reader.formats.money(Decimal(value))
        case int() if name in _COUNTS:
            return reader.formats.number(value)
        case "redeemed" | "redeem_reversed" if name == "kind":
            return reader.word(f"finance.kind.{value}")
        case str() if name == "state":
            return _state(reader, value)
        case _:
            return value


def _state(reader: Reader, state: str) -> str:
    """Return a state of a window or of a share; those of both names are the same words."""
    return reader.word(f"finance.{'state' if state in WINDOW_STATES else 'share_state'}.{state}")


def _place(reader: Reader, field: str) -> str:
    """Return where a split is wrong: a part by its number, a share by its name; a sum is of all of them."""
    name, _, number = field.partition(" ")
    if name == "part":
        return f"{reader.word('finance.bank.split.part', number=number)}: "
    return "" if field in ("sum", "parts") else f"{field}: "


def _terms_told(reader: Reader, error: InvalidTermsError) -> str:
    """Return each wrong field with its rule."""
    fields = dict.fromkeys(problem.field for problem in error.problems)
    rules = (
        f"{reader.word(f'finance.terms.field.{one}')}: {reader.word(f'finance.terms.rule.{one}')}" for one in fields
    )
    return reader.word("finance.terms.fault.no_longer", rules=" ".join(rules))


def _dispute_told(reader: Reader, error: InvalidDisputeError) -> str:
    # An answer has one thing wrong at a time.
    problem = error.problems[0]
    if error.claimed is not None:
        most = reader.formats.money(error.claimed)
        return reader.word("finance.fault.dispute_amount", most=most, got=problem.got)
    return reader.word(f"finance.fault.dispute_{problem.field}_unreadable", got=problem.got)
