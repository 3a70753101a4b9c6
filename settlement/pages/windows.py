"""The list of windows, and the figures of one."""

from typing import Any, Final

from aiohttp import web

from coalition.name_order import name_order
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import Operator, Role, signed_in_operator
from coalition.pages.visit import Visit
from settlement.documents.figures import ungrouped
from settlement.engine.money import add_exactly
from settlement.engine.states import WINDOW_STATES, WindowState, has_reached
from settlement.errors import TieOutError, UnknownWindowError
from settlement.operations.correct_document import list_corrections
from settlement.operations.find_documents import why_no_documents
from settlement.operations.list_disputes import list_disputes
from settlement.operations.report_window import PartnerReport, WindowReport, list_windows, report_window
from settlement.pages.documents import load_window_documents
from settlement.pages.files import load_window_files
from settlement.pages.nets_chart import nets_chart
from settlement.pages.refusals import different, lacking
from settlement.pages.running_totals import find_last_window, load_running
from settlement.stores.disputes import Dispute
from settlement.text.remedy import remedy_of

WINDOWS_SHOWN: Final = 24
# Each with a form of its own; a partner may open a hundred.
DISPUTES_SHOWN: Final = 20
WINDOW_NO_MAX: Final = 2_147_483_647

# The step that is next in each state, and who may take it.
NEXT_STEPS: Final[dict[WindowState, tuple[str, Role]]] = {
    "OPEN": ("close", "operate"),
    "CLOSED": ("calculate", "operate"),
    "CALCULATED": ("approve", "approve"),
    "APPROVED": ("invoice", "approve"),
    "INVOICED": ("settle", "approve"),
    "SETTLING": ("settle", "approve"),
}
DONE: Final = (
    *("close", "calculate", "approve", "invoice", "settle"),
    *("correction_approve", "correction_withdraw", "dispute_accept", "dispute_reject"),
)


async def show_windows(visit: Visit) -> web.StreamResponse:
    """Show what runs in the open window, and the newest windows; `before` is the cursor of the page before."""
    await signed_in_operator(visit)
    last = await find_last_window(visit.site.pool)
    asked = visit.request.query.get("before")
    end = last + 1 if asked is None else window_number(asked)
    after = max(0, end - WINDOWS_SHOWN - 1)
    summaries = await list_windows(visit.site.pool, after=after, count_max=min(WINDOWS_SHOWN, end - after - 1))
    return visit.render(
        "finance/windows.html",
        last=last,
        running=await load_running(visit.site.pool, last) if asked is None else None,
        summaries=summaries[::-1],
        older=after + 1 if after else None,
        is_newest=asked is None,
    )


async def show_window(visit: Visit) -> web.StreamResponse:
    operator = await signed_in_operator(visit)
    done = visit.request.query.get("done")
    return await render_window(visit, operator, done=done if done in DONE else None)


async def render_window(
    visit: Visit,
    operator: Operator,
    *,
    status: int = 200,
    done: str | None = None,
    fault: str | None = None,
    differences: TieOutError | None = None,
    refused_dispute: int | None = None,
) -> web.Response:
    """Return the page of the window in the address, with what was done or why it was refused.

    `refused_dispute`: the one whose answer was; its form keeps what was typed."""
    pool, number = visit.site.pool, window_number(visit.request.match_info["window"])
    report: WindowReport | None = None
    try:
        report = await report_window(pool, number)
    except UnknownWindowError as error:
        raise PageRefusedError(status=404, key="window_unknown") from error
    except TieOutError as error:
        differences = error
    values: dict[str, Any] = {"partners": [] if report is None else _by_name(report)}
    if report is None or not has_reached(report.window.state, "CALCULATED"):
        values["running"] = await load_running(pool, number)
    else:
        nets = [partner.net for partner in report.partners]
        values["chart"] = nets_chart([(partner.name, partner.net) for partner in report.partners])
        values["paid_in"] = add_exactly(net for net in nets if net > 0)
        documents = values["documents"] = await load_window_documents(pool, report)
        values["no_documents"] = await why_no_documents(pool, number) if documents == [] else None
        values["files"] = await load_window_files(pool, report)
        values["lacking"], values["remedy_of"] = lambda lack: lacking(visit, lack), remedy_of
        values["drafts"] = [draft for draft in await list_corrections(pool, window_no=number) if draft.is_open]
        disputes = sorted(await list_disputes(pool, window_no=number), key=_is_answered)
        values["disputes"], values["disputes_more"] = disputes[:DISPUTES_SHOWN], len(disputes[DISPUTES_SHOWN:])
        values["partner_names"] = {partner.partner: partner.name for partner in report.partners}
        values["today"] = visit.now.astimezone(visit.site.programme.zone).date()
        values["may_answer"] = "operate" in operator.roles
        values["may_approve"] = "approve" in operator.roles
        values["paid_out"] = add_exactly(-net for net in nets if net < 0)
    step = NEXT_STEPS.get(report.window.state) if report is not None else None
    return visit.render(
        "finance/window.html",
        status=status,
        number=number,
        report=report,
        states=WINDOW_STATES,
        step=step[0] if step else None,
        may_step=step is not None and step[1] in operator.roles,
        needed_role=step[1] if step else None,
        done=done,
        fault=fault,
        refused_dispute=refused_dispute,
        in_form=lambda amount: ungrouped(amount, visit.language),
        differences=differences.differences if differences is not None else (),
        different=lambda difference: different(visit, difference),
        **values,
    )


def _by_name(report: WindowReport) -> list[PartnerReport]:
    return sorted(report.partners, key=lambda partner: (name_order(partner.name), partner.partner))


def _is_answered(dispute: Dispute) -> bool:
    """Those that wait for an answer come first."""
    return dispute.state != "OPEN"


def window_number(text: str) -> int:
    """Return a window's number as it stands in an address; raises PageRefusedError for anything else."""
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 10 or not 1 <= int(text) <= WINDOW_NO_MAX:
        raise PageRefusedError(status=404, key="window_unknown")
    return int(text)
