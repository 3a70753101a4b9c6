"""Settlement's errors as answers: one table from classes to HTTP statuses."""

from collections.abc import Iterator

from coalition.errors import FieldFault, RequestRefusedError
from settlement import errors

STATUSES: dict[type[errors.SettlementError], int] = {
    errors.InvalidTermsError: 422,
    errors.InvalidBreakageRuleError: 422,
    errors.InvalidBlockError: 422,
    errors.UnknownTermsError: 409,
    errors.InvalidPeriodError: 422,
    errors.UnknownDraftError: 404,
    errors.DraftDecidedError: 409,
    errors.StaleDraftError: 409,
    errors.TermsDrafterError: 403,
    errors.MixedCurrencyError: 409,
    errors.InvalidSplitError: 422,
    errors.AlreadyClosedError: 409,
    errors.IllegalMoveError: 409,
    errors.TieOutError: 409,
    errors.UnbalancedNettingError: 409,
    errors.SecondPersonNeededError: 403,
    errors.FiguresChangedError: 409,
    errors.PaymentRefusedError: 422,
    errors.InvalidRulesError: 422,
    errors.DefaultTooEarlyError: 409,
    errors.InvalidDisputeError: 422,
    errors.AlreadyDisputedError: 409,
    errors.DisputeTooLateError: 409,
    errors.DisputeResolvedError: 409,
    errors.UnknownDisputeError: 404,
    errors.UnknownPartnerError: 404,
    errors.UnknownWindowError: 404,
    errors.UnknownStatementError: 404,
    errors.InvalidLegalPartyError: 422,
    errors.UnknownLegalPartyError: 404,
    errors.MissingLegalDataError: 409,
    errors.UnknownDocumentError: 404,
    errors.InvalidCorrectionError: 422,
    errors.UnknownCorrectionError: 404,
    errors.CorrectionDecidedError: 409,
    errors.DrafterMayNotApproveError: 403,
    errors.InvalidBankAccountError: 422,
    errors.UnknownBankAccountError: 404,
    errors.PaymentFileRefusedError: 409,
    errors.UnreadableBankFileError: 422,
    errors.UnknownBankEntryError: 404,
    errors.InvalidEntrySplitError: 422,
    errors.ForeignBankFileError: 409,
    errors.InvalidDatevSettingsError: 422,
    errors.DatevRefusedError: 409,
}


def refusal_of(error: errors.SettlementError) -> RequestRefusedError:
    """Return the error as the hub answers it."""
    return RequestRefusedError(
        status=STATUSES[type(error)], code=error.code, detail=str(error), faults=tuple(_faults(error))
    )


def _faults(error: errors.SettlementError) -> Iterator[FieldFault]:
    problems = error.problems if isinstance(error, errors.InvalidFieldsError) else ()
    for problem in problems:
        if problem.expected is not None and problem.got is not None:
            yield FieldFault(problem.field, error.code, problem.expected, problem.got)
