"""Find a partner's statement of a window, in any of its formats."""

from typing import Literal, assert_never

from coalition.database.pool import Pool
from settlement.documents.statement_csv import write_csv
from settlement.documents.statement_json import read_json
from settlement.documents.wording import Language
from settlement.errors import UnknownStatementError
from settlement.stores.shares import find_statement_content
from settlement.stores.windows import find_window

StatementFormat = Literal["json", "csv", "xlsx", "pdf"]


async def find_statement(pool: Pool, window_no: int, partner: int) -> bytes:
    """Return a statement as canonical JSON, byte for byte as it was calculated.

    Raises:
        UnknownWindowError: there is no such window.
        UnknownStatementError: the window is not calculated, or the partner has no share in it.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        window = await find_window(connection, window_no)
        content = await find_statement_content(connection, window_no, partner)
    if content is None:
        raise UnknownStatementError(window=window_no, state=window.state, partner=partner)
    return content


def format_statement(content: bytes, statement_format: StatementFormat, language: Language) -> bytes:
    """Return a statement's JSON in another format; a PDF takes some 0.15 s of CPU, so do it off the event loop."""
    match statement_format:
        case "json":
            return content
        case "csv":
            return write_csv(read_json(content), language)
        case "xlsx":
            from settlement.documents.statement_xlsx import write_xlsx

            return write_xlsx(read_json(content), language)
        case "pdf":
            # Imported here: most of a second of CPU that every command would pay at its start.
            from settlement.documents.statement_pdf import write_pdf

            return write_pdf(content, language)
        case _:
            assert_never(statement_format)
