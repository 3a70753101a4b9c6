"""The composition root: the command line, and what is mounted on the hub."""

from typing import TYPE_CHECKING

try:
    import typer
except ModuleNotFoundError as error:
    # A plain install has this command, too, and nothing that it needs.
    raise SystemExit(
        f"coalition: {error.name} is missing: this install is the partner's side alone, coalition-partner. "
        "The hub needs, in a clone of the repository: pip install '.[hub]'"
    ) from None

from coalition.cli.archive import archive_app
from coalition.cli.bench import add_bench
from coalition.cli.card import card_app
from coalition.cli.check import add_check
from coalition.cli.database import database_app
from coalition.cli.demo import add_demo
from coalition.cli.expiry import expiry_app
from coalition.cli.limits import limits_app
from coalition.cli.member import member_app
from coalition.cli.operator import operator_app
from coalition.cli.overload import add_bench_overload
from coalition.cli.partner import key_app, partner_app
from coalition.cli.partner_import import add_partner_import
from coalition.cli.promotion import promotion_app
from coalition.cli.scale import scale_app
from coalition.cli.serve import add_serve
from coalition.cli.webhook import webhook_app
from coalition.operations.import_partners import Section
from settlement.cli.bank import bank_app, operator_bank_app, partner_bank_app
from settlement.cli.bill import add_window_bill
from settlement.cli.calendar import calendar_app
from settlement.cli.collateral import collateral_app
from settlement.cli.datev import add_window_datev, datev_app
from settlement.cli.dispute import dispute_app
from settlement.cli.documents import invoice_app
from settlement.cli.exit import add_exit_commands
from settlement.cli.items import add_items
from settlement.cli.legal_parties import add_party_commands
from settlement.cli.partner_sections import (
    BankSection,
    PartySection,
    PrepaidSection,
    write_bank,
    write_party,
    write_prepaid,
)
from settlement.cli.payments import rules_app
from settlement.cli.prepaid import prepaid_app
from settlement.cli.reports import add_report_commands
from settlement.cli.terms import terms_app
from settlement.cli.window import window_app
from settlement.operations.calculate_window import calculate_window

if TYPE_CHECKING:
    from coalition.cli.serving import Extensions


def _extensions() -> "Extensions":
    # Imported here: only a server has pages and routes, and no other command should wait until they are loaded.
    from coalition.cli.serving import Extensions
    from coalition.pages.expiry_mail import mount_expiry_mail
    from coalition.pages.mount import mount_member_pages
    from coalition.pages.step_up_mail import mount_step_up_mail
    from settlement.http import routes
    from settlement.pages.mount import mount_finance_pages
    from settlement.pages.prepaid_mail import mount_prepaid_mail
    from settlement.schedule import following_calendar

    return Extensions(
        routes=routes,
        pages=[mount_member_pages, mount_step_up_mail, mount_expiry_mail, mount_finance_pages, mount_prepaid_mail],
        jobs=[following_calendar],
    )


app = typer.Typer(
    name="coalition",
    help="The clearing service of a multi-partner loyalty programme.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
partner_app.add_typer(partner_bank_app, name="bank")
operator_app.add_typer(operator_bank_app, name="bank")
app.add_typer(partner_app, name="partner")
app.add_typer(key_app, name="key")
app.add_typer(member_app, name="member")
app.add_typer(card_app, name="card")
app.add_typer(operator_app, name="operator")
app.add_typer(webhook_app, name="webhook")
app.add_typer(limits_app, name="limits")
app.add_typer(promotion_app, name="promotion")
app.add_typer(expiry_app, name="expiry")
app.add_typer(database_app, name="database")
app.add_typer(archive_app, name="archive")
app.add_typer(window_app, name="window")
app.add_typer(scale_app, name="scale")
app.add_typer(terms_app, name="terms")
app.add_typer(invoice_app, name="invoice")
app.add_typer(calendar_app, name="calendar")
app.add_typer(dispute_app, name="dispute")
app.add_typer(prepaid_app, name="prepaid")
app.add_typer(rules_app, name="rules")
app.add_typer(collateral_app, name="collateral")
app.add_typer(bank_app, name="bank")
app.add_typer(datev_app, name="datev")
add_party_commands(partner_app, operator_app)
add_partner_import(
    partner_app,
    [
        Section("party", PartySection, write_party),
        Section("bank", BankSection, write_bank),
        Section("prepaid", PrepaidSection, write_prepaid),
    ],
)
add_exit_commands(partner_app)
add_items(window_app)
add_window_datev(window_app)
add_window_bill(window_app)
add_report_commands(app)
add_check(app)
add_demo(app)
add_serve(app, _extensions)
add_bench(app, calculate_window)
add_bench_overload(app)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
