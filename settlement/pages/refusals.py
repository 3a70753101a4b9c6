"""What the settlement refused, in the words of the page that it was asked on."""

from coalition.pages.visit import Visit
from settlement.errors import (
    AlreadyClosedError,
    CorrectionDecidedError,
    DisputeResolvedError,
    DraftDecidedError,
    DrafterMayNotApproveError,
    FiguresChangedError,
    IllegalMoveError,
    InvalidCorrectionError,
    InvalidDisputeError,
    InvalidTermsError,
    MissingLegalDataError,
    SecondPersonNeededError,
    SettlementError,
    StaleDraftError,
    TermsDrafterError,
    TieOutError,
    Worded,
)

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
}


def told(visit: Visit, error: SettlementError) -> str:
    """Return a refusal in the visitor's language."""
    if type(error) in _PLAIN:
        return visit.word(_PLAIN[type(error)])
    match error:
        case MissingLegalDataError():
            return visit.word(
                "finance.fault.missing_data", missing="; ".join(lacking(visit, lack) for lack in error.missing)
            )
        case IllegalMoveError():
            return visit.word("finance.fault.illegal_move", state=visit.word(f"finance.state.{error.from_state}"))
        case DraftDecidedError():
            return visit.word(f"finance.terms.fault.decided.{error.state}", actor=error.decided_by)
        case InvalidTermsError():
            return _terms_told(visit, error)
        case InvalidDisputeError():
            return _dispute_told(visit, error)
        case DisputeResolvedError():
            state = visit.word(f"finance.dispute_state.{error.state}")
            accepted = "" if not error.accepted else f" ({visit.formats.money(error.accepted)})"
            return visit.word("finance.fault.dispute_resolved", state=f"{state}{accepted}")
        case CorrectionDecidedError(issued=None):
            return visit.word("finance.fault.correction_withdrawn")
        case CorrectionDecidedError():
            return visit.word("finance.fault.correction_issued", number=error.issued)
        case _:
            # Faults of the books, which an operator hands on word for word.
            return visit.word("finance.fault.other", detail=str(error))


def lacking(visit: Visit, lack: str) -> str:
    """Return what is missing in the visitor's language; what has no words of the page stays as it is."""
    return visit.word(f"finance.lack.{lack.code}", **lack.values) if isinstance(lack, Worded) else lack


def _terms_told(visit: Visit, error: InvalidTermsError) -> str:
    """Return each wrong field with its rule."""
    fields = dict.fromkeys(problem.field for problem in error.problems)
    rules = (f"{visit.word(f'finance.terms.field.{one}')}: {visit.word(f'finance.terms.rule.{one}')}" for one in fields)
    return visit.word("finance.terms.fault.no_longer", rules=" ".join(rules))


def _dispute_told(visit: Visit, error: InvalidDisputeError) -> str:
    # An answer has one thing wrong at a time.
    problem = error.problems[0]
    if error.claimed is not None:
        most = visit.formats.money(error.claimed)
        return visit.word("finance.fault.dispute_amount", most=most, got=problem.got)
    return visit.word(f"finance.fault.dispute_{problem.field}_unreadable", got=problem.got)
