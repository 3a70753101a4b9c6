"""The finance reports as pages: plots and tables, each figure leading to what stands behind it, and as files."""

import asyncio
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import urlencode

from aiohttp import web

from coalition.name_order import name_order
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from settlement.documents.report import NUMBERS, Cell, CellKind, Report, Row, Source, Table, Words
from settlement.documents.report_formats import write_report_csv
from settlement.errors import UnknownPartnerError, UnknownWindowError
from settlement.operations.reports.make_report import REPORT_NAMES, ReportName, make_report
from settlement.pages.charts import BarsChart, charts_of, legend
from settlement.pages.numbers import number_in_address
from settlement.pages.windows import window_number
from settlement.stores.hub import load_partner_names

ROWS_SHOWN: Final = 250
GROUPS: Final[tuple[tuple[str, tuple[ReportName, ...]], ...]] = (
    ("month", ("close", "control")),
    ("partners", ("nets", "points", "shops", "late", "caps", "payments", "disputes")),
    ("liability", ("ageing", "breakage", "revenue", "fund")),
)
ABOUT_A_WINDOW: Final = frozenset(("close", "nets", "points", "shops", "late", "breakage", "revenue"))
ABOUT_A_PARTNER: Final = frozenset(
    ("nets", "points", "shops", "late", "caps", "payments", "disputes", "breakage", "revenue")
)
CONTENT_TYPES: Final[dict[Literal["csv", "xlsx"], str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def show_reports(visit: Visit) -> web.StreamResponse:
    """List the reports with what each answers."""
    await signed_in_operator(visit)
    return visit.render("finance/reports.html", groups=GROUPS)


async def show_report(visit: Visit) -> web.StreamResponse:
    """Show one report; the close and the control totals have pages of their own look."""
    await signed_in_operator(visit)
    name, window, partner = await _asked(visit)
    report = await _make(visit, name, window, partner)
    template = f"finance/{name}.html" if name in ("close", "control") else "finance/report.html"
    async with visit.site.pool.acquire() as connection:
        names = await load_partner_names(connection)
    return visit.render(
        template,
        report=report,
        charts=charts_of(report),
        legend=legend,
        is_bars=lambda chart: isinstance(chart, BarsChart),
        controls=[_control_blocks(table) for table in report.tables] if name == "control" else [],
        kind_of=lambda table, key: _kind_of(report, table, key),
        numbers=NUMBERS,
        rows_shown=ROWS_SHOWN,
        told=lambda cell, kind: told(visit, cell, kind),
        address=address,
        query=urlencode(_query(window, partner)),
        partner=partner,
        partner_names=sorted(names.items(), key=lambda item: name_order(item[1])) if name in ABOUT_A_PARTNER else [],
        has_window=name in ABOUT_A_WINDOW,
    )


async def download_report(visit: Visit) -> web.StreamResponse:
    """Answer the report as a file, in the language of the pages."""
    await signed_in_operator(visit)
    file_format = next((known for known in CONTENT_TYPES if known == visit.request.match_info["format"]), None)
    if file_format is None:
        raise PageRefusedError(status=404, key="not_found")
    name, window, partner = await _asked(visit)
    report = await _make(visit, name, window, partner)
    # A workbook takes a while, and all else goes on meanwhile.
    body = await asyncio.to_thread(_written, report, file_format, visit)
    place = "" if report.window is None else f"-{report.window}"
    headers = {
        "Content-Type": CONTENT_TYPES[file_format],
        "Content-Disposition": f'attachment; filename="{name}{place}.{file_format}"',
    }
    return web.Response(body=body, headers=headers)


def address(source: Source) -> str:
    """Return where a figure's source is shown."""
    query = f"?{urlencode(source.query)}" if source.query else ""
    table = f"#{source.table}" if source.table else ""
    return f"/finance/{source.page}{query}{table}"


def told(visit: Visit, cell: Cell, kind: CellKind) -> str:
    """Return a cell as the visitor reads it."""
    formats = visit.formats
    match cell:
        case None:
            return ""
        case Words():
            return visit.word(cell.key, **{name: told(visit, value, "text") for name, value in cell.values.items()})
        case str():
            return visit.word(cell) if kind == "word" else cell
        case Decimal():
            return formats.percent(cell) if kind == "fraction" else formats.money(cell)
        case int():
            return formats.number(cell)
        case datetime():
            return formats.minute(cell)
        case date():
            return formats.month(cell) if kind == "month" else formats.day(cell)


def _written(report: Report, file_format: Literal["csv", "xlsx"], visit: Visit) -> bytes:
    if file_format == "csv":
        return write_report_csv(report, visit.language)
    # Imported here: its library costs a while that no start should pay.
    from settlement.documents.report_xlsx import write_report_xlsx

    return write_report_xlsx(report, visit.language)


async def _make(visit: Visit, name: ReportName, window: int | None, partner: int | None) -> Report:
    try:
        return await make_report(visit.site.pool, name, window_no=window, partner=partner, now=visit.now)
    except UnknownWindowError as error:
        raise PageRefusedError(status=404, key="window_unknown") from error
    except UnknownPartnerError as error:
        raise PageRefusedError(status=404, key="not_found") from error


async def _asked(visit: Visit) -> tuple[ReportName, int | None, int | None]:
    name = next((known for known in REPORT_NAMES if known == visit.request.match_info["name"]), None)
    if name is None:
        raise PageRefusedError(status=404, key="not_found")
    window = visit.request.query.get("window") or None
    return name, None if window is None else window_number(window), partner_asked(visit)


def partner_asked(visit: Visit) -> int | None:
    """Return the number of the partner that a page is asked for; raises PageRefusedError for anything else."""
    text = visit.request.query.get("partner") or None
    return None if text is None else number_in_address(text)


def _kind_of(report: Report, table: str, key: str) -> CellKind:
    return next(column.kind for column in report.table(table).columns if column.key == key)


def _query(window: int | None, partner: int | None) -> dict[str, int]:
    asked = {"window": window, "partner": partner}
    return {name: number for name, number in asked.items() if number is not None}


def _control_blocks(table: Table) -> dict[str, Any]:
    """Return a table of control totals cut into its pairs: each ends with the row that says how it came out."""
    blocks: list[list[Row]] = [[]]
    for row in table.rows:
        blocks[-1].append(row)
        if row.cells[-1] is not None:
            blocks.append([])
    return {"key": table.key, "blocks": [block for block in blocks if block]}
