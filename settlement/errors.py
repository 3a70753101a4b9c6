"""What can go wrong with a bill, as one tree.

SettlementError
├── InvalidFieldsError             fields of an input are not valid; names all of them:
│   ├── InvalidTermsError          a partner's terms break a limit; names every field
│   ├── InvalidBlockError          a prepaid block, or what happens beyond it, can't be as asked
│   ├── InvalidRulesError          rules of payment or of the calendar break a limit; names every field
│   ├── InvalidDisputeError        a dispute is of nothing that its statement has; names every field
│   ├── InvalidLegalPartyError     a party's legal data are wrong; names every field
│   ├── InvalidBankAccountError    bank details are wrong; names every field
│   ├── InvalidEntrySplitError     a bank's entry can't be of what was said; names every part
│   ├── InvalidDatevSettingsError  numbers or accounts are beyond DATEV's format; names every field
│   └── InvalidBreakageRuleError   what is expected of points is no share, or comes too late; names every field
├── UnknownTermsError              totals name a terms version that nobody has written down
├── MixedCurrencyError             two currencies meet in one statement
├── InvalidSplitError              an amount cannot be split as asked
├── AlreadyClosedError             the window to be closed is no longer the open one
├── IllegalMoveError               a state may not follow another; names both
├── TieOutError                    a window's partners and its points do not agree; says where
├── UnbalancedNettingError         positions and the operator's share do not sum to zero
├── InvalidPeriodError             a period has no closed windows, or too many
├── UnknownDraftError              there is no draft of terms of that number
├── DraftDecidedError              a draft was approved or withdrawn already
├── StaleDraftError                terms have got a version since the draft was made
├── TermsDrafterError              whoever drafted terms may not approve them
├── SecondPersonNeededError        whoever calculated a window may not approve it
├── FiguresChangedError            a window was calculated anew since its figures were looked at
├── PaymentRefusedError            a payment is not of what is left to pay; says what is
├── DefaultTooEarlyError           a share is not overdue, or its days of grace are not over
├── AlreadyDisputedError           an operation has an open dispute already; names it
├── DisputeTooLateError            the days in which a share may be disputed are over
├── DisputeResolvedError           a dispute has been answered otherwise already
├── UnknownDisputeError            there is no dispute of that number
├── UnknownPartnerError            there is no partner of that name or number
├── UnknownWindowError             there is no window of that number
├── UnknownStatementError          a partner has no statement in that window
├── UnknownLegalPartyError         nobody has written down who a party is in law
├── UnknownBankAccountError        nobody has written down where a party is paid
├── PaymentFileRefusedError        a window's payments cannot be made by SEPA files; names every reason
├── UnreadableBankFileError        a bank's file is damaged or hostile; names its line
├── UnknownBankEntryError          there is no such entry of a bank that waits to be matched
├── MissingLegalDataError          documents need legal data that nobody has written down; names all of them
├── UnknownDocumentError           there is no document of that number
├── InvalidCorrectionError         a document cannot be corrected so; names every line and field
├── UnknownCorrectionError         there is no correction of that number
├── CorrectionDecidedError         a correction was issued or withdrawn already
├── DrafterMayNotApproveError      whoever drafted a correction may not approve it
├── ForeignBankFileError           a bank's file is of another account or currency; names its line
└── DatevRefusedError              a window cannot be booked in DATEV; names every reason
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from settlement.worded import Worded


class SettlementError(Exception):
    """The settlement refused."""

    code: ClassVar[str] = "settlement_refused"


class AlreadyClosedError(SettlementError):
    """The window to be closed is no longer the open one."""

    code = "already_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One field of an input and what is wrong with it, in words that stand alone.

    `expected` and `got` are the same in two parts, where a caller is told both; None: the words are all there is.
    """

    field: str
    problem: str
    expected: str | None = None
    got: str | None = None

    @classmethod
    def of(cls, field: str, *, expected: str, got: object) -> FieldProblem:
        """Return what is wrong with a field as what may stand there and what came."""
        return cls(field=field, problem=f"expected {expected}, got {got}", expected=expected, got=str(got))

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class InvalidFieldsError(SettlementError):
    """Fields of an input are not valid; `problems` are all of them, after `told`, what they add up to."""

    told: ClassVar[str]

    def __init__(self, *, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{self.told}: {'; '.join(str(problem) for problem in self.problems)}")


class InvalidTermsError(InvalidFieldsError):
    """The terms are not valid."""

    code = "invalid_terms"
    told = "the terms are not valid"


class InvalidBlockError(InvalidFieldsError):
    """Prepaid points cannot be as asked."""

    code = "invalid_block"
    told = "this can't be prepaid"


class UnknownTermsError(SettlementError):
    """A terms version is not known."""

    code = "unknown_terms"

    def __init__(self, *, partner: int, version: int) -> None:
        self.partner = partner
        self.version = version
        super().__init__(f"partner {partner} has no terms version {version}")


class MixedCurrencyError(SettlementError):
    """Two currencies meet in one statement."""

    code = "mixed_currency"

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the coalition settles in {expected}, but terms are in {actual}")


class InvalidSplitError(SettlementError):
    """An amount cannot be split as asked."""

    code = "invalid_split"

    def __init__(self, *, problem: Worded) -> None:
        self.problem = problem
        super().__init__(f"the amount cannot be split: {problem}")


class IllegalMoveError(SettlementError):
    """A state may not follow another."""

    code = "illegal_move"

    def __init__(self, *, subject: str, from_state: str, to_state: str, allowed: Sequence[str]) -> None:
        self.subject = subject
        self.from_state = from_state
        self.to_state = to_state
        self.allowed = tuple(allowed)
        ways = " or ".join(self.allowed) if self.allowed else "nothing: it is final"
        super().__init__(f"{subject} cannot go from {from_state} to {to_state}; from {from_state} it may go to {ways}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where two figures that must agree do not."""

    where: Worded
    expected: Decimal | int
    actual: Decimal | int

    @property
    def amount(self) -> Decimal | int:
        return self.actual - self.expected

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.actual} (difference {self.amount:+})"


class TieOutError(SettlementError):
    """A window does not tie out."""

    code = "window_does_not_tie_out"

    def __init__(self, *, window: int, differences: Sequence[Difference]) -> None:
        self.window = window
        self.differences = tuple(differences)
        listed = "; ".join(str(difference) for difference in self.differences)
        super().__init__(f"window {window} does not tie out: {listed}")


class UnbalancedNettingError(SettlementError):
    """Positions and the operator's share do not sum to zero."""

    code = "unbalanced_netting"

    def __init__(self, *, expected: Decimal, actual: Decimal) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the partners' nets sum to {actual}, but the operator's share is {expected}")


class InvalidPeriodError(SettlementError):
    """A period has no closed windows, or too many."""

    code = "invalid_period"

    def __init__(self, *, expected: str, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the period must have {expected}, not {actual}")


class UnknownDraftError(SettlementError):
    """There is no draft of terms of that number."""

    code = "unknown_draft"

    def __init__(self, *, draft: int) -> None:
        self.draft = draft
        super().__init__(f"there is no draft {draft} of terms")


class DraftDecidedError(SettlementError):
    """A draft was approved or withdrawn already."""

    code = "draft_decided"

    def __init__(self, *, draft: int, state: str, decided_by: str) -> None:
        self.draft = draft
        self.state = state
        self.decided_by = decided_by
        super().__init__(f"draft {draft} is {state} already, by {decided_by}")


class StaleDraftError(SettlementError):
    """Terms have got a version since the draft was made."""

    code = "stale_draft"

    def __init__(self, *, draft: int | None = None, expected: int, actual: int) -> None:
        self.draft = draft
        self.expected = expected
        self.actual = actual
        named = "the draft" if draft is None else f"draft {draft}"
        super().__init__(
            f"{named} was made after version {expected}, and the last one is version {actual}; draft it anew"
        )


class TermsDrafterError(SettlementError):
    """Whoever drafted terms may not approve them."""

    code = "second_person_needed"

    def __init__(self, *, draft: int, actor: str) -> None:
        self.draft = draft
        self.actor = actor
        super().__init__(f"{actor} made draft {draft}; somebody else has to approve it")


class SecondPersonNeededError(SettlementError):
    """Whoever calculated a window may not approve it."""

    code = "second_person_needed"

    def __init__(self, *, window: int, actor: str) -> None:
        self.window = window
        self.actor = actor
        super().__init__(f"{actor} calculated window {window}; somebody else has to approve it")


class FiguresChangedError(SettlementError):
    """A window was calculated anew since its figures were looked at."""

    code = "figures_changed"

    def __init__(self, *, window: int, moves_seen: int, moves: int) -> None:
        self.window = window
        self.moves_seen = moves_seen
        self.moves = moves
        super().__init__(
            f"window {window} has moved since its figures were looked at ({moves} moves; {moves_seen} were seen); "
            "look again before you approve it"
        )


class PaymentRefusedError(SettlementError):
    """A payment can't be recorded."""

    code = "payment_refused"

    def __init__(self, *, field: str, expected: str, actual: str) -> None:
        self.field = field
        self.expected = expected
        self.actual = actual
        super().__init__(f"{field}: expected {expected}, got {actual}")


class InvalidRulesError(InvalidFieldsError):
    """Rules of payment or of the calendar are not valid."""

    code = "invalid_rules"
    told = "the rules are not valid"


class DefaultTooEarlyError(SettlementError):
    """A share can't be in default yet."""

    code = "default_too_early"

    def __init__(self, *, window: int, partner: int, state: str, from_day: date | None) -> None:
        self.window = window
        self.partner = partner
        self.from_day = from_day
        when = "it is not overdue" if from_day is None else f"expected {from_day} or later"
        super().__init__(f"partner {partner}'s share of window {window}, {state}, is not in default: {when}")


class InvalidDisputeError(InvalidFieldsError):
    """A dispute, or the answer to it, is not valid; `claimed` is the most that may be accepted, where more was."""

    code = "invalid_dispute"
    told = "the dispute is not valid"

    def __init__(self, *, problems: Sequence[FieldProblem], claimed: Decimal | None = None) -> None:
        self.claimed = claimed
        super().__init__(problems=problems)


class AlreadyDisputedError(SettlementError):
    """An operation has an open dispute of its partner already."""

    code = "already_disputed"

    def __init__(self, *, open_disputes: Mapping[str, int]) -> None:
        self.open_disputes = open_disputes
        named = ", ".join(f"{operation} (dispute {dispute})" for operation, dispute in open_disputes.items())
        super().__init__(f"operations have an open dispute already, which is answered first: {named}")


class DisputeTooLateError(SettlementError):
    """The days in which a share may be disputed are over."""

    code = "dispute_too_late"

    def __init__(self, *, window: int, last_day: date) -> None:
        self.window = window
        self.last_day = last_day
        super().__init__(f"window {window} could be disputed until {last_day}")


class DisputeResolvedError(SettlementError):
    """A dispute has been answered otherwise."""

    code = "dispute_resolved"

    def __init__(self, *, dispute: int, state: str, accepted: Decimal | None) -> None:
        self.dispute = dispute
        self.state = state
        self.accepted = accepted
        how = "" if accepted is None else f", with {accepted} accepted"
        super().__init__(f"dispute {dispute} is {state} already{how}")


class UnknownDisputeError(SettlementError):
    """There is no dispute of that number."""

    code = "unknown_dispute"

    def __init__(self, *, dispute: int) -> None:
        self.dispute = dispute
        super().__init__(f"there is no dispute {dispute}")


class UnknownPartnerError(SettlementError):
    """There is no partner of that name or number."""

    code = "unknown_partner"

    def __init__(self, *, partner: int | str) -> None:
        self.partner = partner
        super().__init__(f"there is no partner {partner}")


class UnknownWindowError(SettlementError):
    """There is no window of that number."""

    code = "unknown_window"

    def __init__(self, *, window: int) -> None:
        self.window = window
        super().__init__(f"there is no window {window}")


class UnknownStatementError(SettlementError):
    """A partner has no statement in a window."""

    code = "unknown_statement"

    def __init__(self, *, window: int, state: str, partner: int) -> None:
        self.window = window
        self.state = state
        self.partner = partner
        super().__init__(f"partner {partner} has no statement in window {window}, which is {state}")


class InvalidLegalPartyError(InvalidFieldsError):
    """A party's legal data are wrong."""

    code = "invalid_legal_party"
    told = "the legal data are not valid"


class UnknownLegalPartyError(SettlementError):
    """Nobody has written down who a party is in law."""

    code = "unknown_legal_party"

    def __init__(self, *, party: str) -> None:
        self.party = party
        super().__init__(f"no legal data of {party} are known")


class InvalidBankAccountError(InvalidFieldsError):
    """Bank details are wrong."""

    code = "invalid_bank_account"
    told = "the bank details are not valid"


class UnknownBankAccountError(SettlementError):
    """Nobody has written down where a party is paid."""

    code = "unknown_bank_account"

    def __init__(self, *, party: str) -> None:
        self.party = party
        super().__init__(f"no bank account of {party} is known")


class PaymentFileRefusedError(SettlementError):
    """A window's payments cannot be made by SEPA files."""

    code = "payment_file_refused"

    def __init__(self, *, window: int, problems: Sequence[Worded]) -> None:
        self.window = window
        self.problems = tuple(problems)
        super().__init__(f"no payment file for window {window}: " + "; ".join(self.problems))


class UnreadableBankFileError(SettlementError):
    """A bank's file is damaged or hostile."""

    code = "unreadable_bank_file"

    def __init__(self, *, line: int, problem: Worded) -> None:
        self.line = line
        self.problem = problem
        super().__init__(f"the bank's file cannot be read, line {line}: {problem}; nothing of it is taken")


class UnknownBankEntryError(SettlementError):
    """There is no such entry of a bank that waits to be matched."""

    code = "unknown_bank_entry"

    def __init__(self, *, statement: str, entry: str, part: int) -> None:
        self.statement = statement
        self.entry = entry
        self.part = part
        super().__init__(
            f"no entry {entry[:40]!r}, part {part}, of statement {statement[:40]!r} waits to be matched: it is, or is "
            "split, or was never told"
        )


class InvalidEntrySplitError(InvalidFieldsError):
    """A bank's entry can't be of what was said."""

    code = "invalid_entry_split"
    told = "the entry cannot be split so"


class ForeignBankFileError(SettlementError):
    """A bank's file is of another account or currency."""

    code = "foreign_bank_file"

    def __init__(self, *, line: int, what: str, expected: str, actual: str) -> None:
        self.line = line
        self.what = what
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"the bank's file is not ours, line {line}: expected {what} {expected}, got {actual}; "
            "nothing of it is taken"
        )


class MissingLegalDataError(SettlementError):
    """Documents need legal data that nobody has written down."""

    code = "missing_legal_data"

    def __init__(self, *, window: int, missing: Sequence[Worded]) -> None:
        self.window = window
        self.missing = tuple(missing)
        super().__init__(f"window {window} cannot be invoiced; there is missing: " + "; ".join(self.missing))


class UnknownDocumentError(SettlementError):
    """There is no document of that number."""

    code = "unknown_document"

    def __init__(self, *, number: str) -> None:
        self.number = number
        super().__init__(f"there is no document {number}")


class InvalidBreakageRuleError(InvalidFieldsError):
    """What is expected of points is no share, or comes too late."""

    code = "invalid_breakage_rule"
    told = "the rule is not valid"


class InvalidCorrectionError(SettlementError):
    """A document cannot be corrected so."""

    code = "invalid_correction"

    def __init__(self, *, number: str, problems: Sequence[FieldProblem]) -> None:
        self.number = number
        self.problems = tuple(problems)
        super().__init__(f"{number} cannot be corrected so: " + "; ".join(str(problem) for problem in self.problems))


class UnknownCorrectionError(SettlementError):
    """There is no correction of that number."""

    code = "unknown_correction"

    def __init__(self, *, correction: int) -> None:
        self.correction = correction
        super().__init__(f"there is no correction {correction}")


class CorrectionDecidedError(SettlementError):
    """A correction was issued or withdrawn already."""

    code = "correction_decided"

    def __init__(self, *, correction: int, issued: str | None) -> None:
        self.correction = correction
        self.issued = issued
        decision = "withdrawn" if issued is None else f"issued as {issued}"
        super().__init__(f"correction {correction} is {decision} already")


class DrafterMayNotApproveError(SettlementError):
    """Whoever drafted a correction may not approve it."""

    code = "drafter_may_not_approve"

    def __init__(self, *, correction: int, actor: str) -> None:
        self.correction = correction
        self.actor = actor
        super().__init__(f"{actor} drafted correction {correction}; somebody else has to approve it")


class InvalidDatevSettingsError(InvalidFieldsError):
    """Numbers or accounts are beyond DATEV's format."""

    code = "invalid_datev_settings"
    told = "the settings are not valid"


class DatevRefusedError(SettlementError):
    """A window cannot be booked in DATEV."""

    code = "datev_refused"

    def __init__(self, *, problems: Sequence[Worded]) -> None:
        self.problems = tuple(problems)
        super().__init__("no DATEV batch: " + "; ".join(self.problems))
