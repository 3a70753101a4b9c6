"""Put the finance pages on the hub."""

from pathlib import Path

from aiohttp import web

from coalition.cli.session import Session
from coalition.pages import account, operation
from coalition.pages.door import add_page, show_nothing
from coalition.pages.operator_sign_in import OperatorSignIn
from coalition.pages.sign_in import leave
from coalition.pages.site import Frame, site_of
from settlement.pages import terms, terms_form
from settlement.pages.bank import download_file, download_items, show_bank, split_unmatched, take_bank_file
from settlement.pages.behind import show_lines, show_lots, show_operations
from settlement.pages.behind_control import show_debts, show_moves
from settlement.pages.corrections import decide_correction, show_after_decision
from settlement.pages.disputes import answer_dispute, show_after_answer
from settlement.pages.documents import download_document
from settlement.pages.reports import download_report, show_report, show_reports
from settlement.pages.statements import download_statement
from settlement.pages.steps import show_after_step, take_step
from settlement.pages.windows import show_window, show_windows
from settlement.pages.wording import WORDS

FRAME = Frame(
    home="/finance",
    sign_in="/finance/sign-in",
    sign_out="/finance/sign-out",
    menu=(
        ("/finance", "finance.windows"),
        ("/finance/reports", "finance.reports"),
        ("/finance/bank", "finance.bank"),
        ("/finance/terms", "finance.terms"),
        account.MENU_ENTRY,
    ),
    window="/finance/windows/{window}",
    stylesheet="finance.css",
    shows_subject=True,
)


def mount_finance_pages(app: web.Application, session: Session) -> None:
    """Add the finance pages to the application."""
    site_of(app, session).add("finance", FRAME, folder=Path(__file__).parent, words=WORDS)
    sign_in = OperatorSignIn()
    window = "/finance/windows/{window}"
    add_page(app, "GET", "/finance/sign-in", sign_in.show, area="finance", is_open=True)
    add_page(app, "POST", "/finance/sign-in", sign_in.take, area="finance", is_open=True)
    add_page(app, "POST", "/finance/sign-out", leave, area="finance", is_open=True)
    add_page(app, "GET", "/finance", show_windows, area="finance")
    account.add_account_page(app)
    operation.add_operation_pages(app)
    add_page(app, "GET", "/finance/reports", show_reports, area="finance")
    add_page(app, "GET", "/finance/reports/{name}.{format}", download_report, area="finance")
    add_page(app, "GET", "/finance/reports/{name}", show_report, area="finance")
    add_page(app, "GET", "/finance/terms", terms.show_terms, area="finance")
    terms_of_partner = "/finance/terms/partners/{partner}"
    add_page(app, "GET", terms_of_partner, terms_form.show_partner_terms, area="finance")
    add_page(app, "POST", terms_of_partner, terms_form.draft_partner_terms, area="finance")
    add_page(app, "GET", "/finance/terms/{draft}", terms.show_draft, area="finance")
    add_page(app, "GET", "/finance/terms/{draft}/{decision}", terms.show_after_decision, area="finance")
    add_page(app, "POST", "/finance/terms/{draft}/{decision}", terms.decide_draft, area="finance")
    add_page(app, "GET", "/finance/operations", show_operations, area="finance")
    add_page(app, "GET", "/finance/lots", show_lots, area="finance")
    add_page(app, "GET", "/finance/debts", show_debts, area="finance")
    add_page(app, "GET", "/finance/moves", show_moves, area="finance")
    add_page(app, "GET", window + "/partners/{partner}", show_lines, area="finance")
    add_page(app, "GET", "/finance/bank", show_bank, area="finance")
    add_page(app, "POST", "/finance/bank", take_bank_file, area="finance")
    add_page(app, "POST", "/finance/bank/split", split_unmatched, area="finance")
    add_page(app, "GET", window, show_window, area="finance")
    add_page(app, "GET", window + "/files/{file}", download_file, area="finance")
    add_page(app, "GET", window + "/items/{partner}.csv", download_items, area="finance")
    add_page(app, "GET", window + "/statements/{partner}.{format}", download_statement, area="finance")
    add_page(app, "GET", window + "/documents/{number}.{format}", download_document, area="finance")
    correction = window + "/corrections/{correction}/{decision}"
    add_page(app, "GET", correction, show_after_decision, area="finance")
    add_page(app, "POST", correction, decide_correction, area="finance")
    dispute = window + "/disputes/{dispute}"
    add_page(app, "GET", dispute, show_after_answer, area="finance")
    add_page(app, "POST", dispute, answer_dispute, area="finance")
    add_page(app, "GET", window + "/{step}", show_after_step, area="finance")
    add_page(app, "POST", window + "/{step}", take_step, area="finance")
    add_page(app, "GET", "/finance/{path:.*}", show_nothing, area="finance")
