"""The files that a window gives the bank and the tax adviser, as its page lists them."""

from dataclasses import dataclass

from coalition.database.pool import Pool
from settlement.engine.states import has_reached
from settlement.errors import DatevRefusedError, PaymentFileRefusedError
from settlement.operations.book_in_datev import book_in_datev
from settlement.operations.make_payments import PaymentFile, WindowPayments, make_payments
from settlement.operations.report_window import WindowReport


@dataclass(frozen=True, slots=True)
class WindowFiles:
    """An invoiced window's payments, or why there are none by SEPA, and why it cannot be booked in DATEV.

    `payment_problems` are also those of the partners that are left out of the files."""

    payments: WindowPayments | None
    payment_problems: tuple[str, ...]
    datev_problems: tuple[str, ...]

    def file_of(self, kind: str) -> PaymentFile | None:
        """Return the file of a direction; None: nothing is paid in it."""
        return next((file for file in self._files if file.kind == kind and file.late_partner is None), None)

    @property
    def late_files(self) -> list[PaymentFile]:
        """The files of those whose bank details came late, one for each."""
        return [file for file in self._files if file.late_partner is not None]

    @property
    def _files(self) -> tuple[PaymentFile, ...]:
        return self.payments.files if self.payments is not None else ()


async def load_window_files(pool: Pool, report: WindowReport) -> WindowFiles | None:
    """Return what an invoiced window gives the bank and the tax adviser; None before it is invoiced."""
    if not has_reached(report.window.state, "INVOICED"):
        return None
    payments: WindowPayments | None = None
    payment_problems: tuple[str, ...] = ()
    datev_problems: tuple[str, ...] = ()
    try:
        payments = await make_payments(pool, report.window.window_no)
        payment_problems = payments.order.left_out
    except PaymentFileRefusedError as error:
        payment_problems = error.problems
    try:
        await book_in_datev(pool, report.window.window_no)
    except DatevRefusedError as error:
        datev_problems = error.problems
    return WindowFiles(payments, payment_problems, datev_problems)
