"""Errors as problem details (RFC 9457): one table from classes to answers."""

import json
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from aiohttp import web

from coalition.errors import (
    DatabaseUnreachableError,
    FieldFault,
    NotFoundError,
    OverloadedError,
    RequestRefusedError,
    WindowArchivedError,
)
from coalition.http.routes import BODY_BYTES_MAX, Answer
from coalition.lanes.database_retry import may_pass
from coalition.signatures.errors import SignatureRefusedError

log = structlog.get_logger()

DATABASE_RETRY_AFTER_S = 2
GOT_CHARS_MAX = 120
FIELDS_LOGGED_MAX = 5


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    status: int
    code: str
    detail: str
    is_retryable: bool = False
    faults: tuple[FieldFault, ...] = ()
    retry_after_s: int | None = None


def problem_of(error: Exception) -> ProblemDetails | None:
    """Return how a foreseen error is told to a caller; None: it is a bug."""
    match error:
        case RequestRefusedError():
            is_retryable = error.status in (408, 429, 503)
            return ProblemDetails(
                error.status, error.code, str(error), is_retryable, error.faults, retry_after_s=error.retry_after_s
            )
        case SignatureRefusedError():
            fault = FieldFault(error.field, error.code, error.expected, shortened(error.got))
            return ProblemDetails(401, error.code, str(error), faults=(fault,))
        case OverloadedError():
            return ProblemDetails(503, error.code, str(error), True, retry_after_s=error.retry_after_s)
        case _ if isinstance(error, DatabaseUnreachableError) or may_pass(error):
            detail = "The database does not answer. Send the same again: what was booked is answered, not repeated."
            code = DatabaseUnreachableError.code
            return ProblemDetails(503, code, detail, True, retry_after_s=DATABASE_RETRY_AFTER_S)
        case WindowArchivedError():
            return ProblemDetails(409, error.code, str(error))
        case NotFoundError():
            return ProblemDetails(404, error.code, str(error))
        case web.HTTPRequestEntityTooLarge():
            fault = FieldFault("body", "body_too_large", f"at most {BODY_BYTES_MAX:,} bytes", "more")
            detail = f"The body is larger than {BODY_BYTES_MAX:,} bytes."
            return ProblemDetails(413, "body_too_large", detail, faults=(fault,))
        case web.HTTPException() if error.status >= 400:
            return ProblemDetails(error.status, f"http_{error.status}", HTTPStatus(error.status).description)
        case _:
            return None


def problem_answer(error: Exception, *, request_id: str, keyid: str | None = None) -> Answer:
    """Return the problem document for an error; what was not foreseen becomes 500 and is logged with its traceback.

    `keyid` is for the log: the key by which a partner asked, or said that it did."""
    problem = problem_of(error)
    if problem is None:
        log.error("http.bug", request_id=request_id, exc_info=error)
        problem = ProblemDetails(
            500, "internal", f"This is a fault of the hub; name {request_id} to its operator.", True
        )
    elif not isinstance(error, OverloadedError):
        # Those are counted: a line for each would be more work than the refusal.
        log.info(
            "http.refused",
            request_id=request_id,
            keyid=keyid,
            status=problem.status,
            code=problem.code,
            detail=problem.detail,
            # Not what came in them: that may be a card, or a name.
            fields=[shortened(fault.field) for fault in problem.faults[:FIELDS_LOGGED_MAX]],
        )
    document = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "retryable": problem.is_retryable,
        "request_id": request_id,
        "errors": [
            {"field": fault.field, "code": fault.code, "expected": fault.expected, "got": fault.got}
            for fault in problem.faults
        ],
    }
    headers = {} if problem.retry_after_s is None else {"Retry-After": str(problem.retry_after_s)}
    return Answer(problem.status, json.dumps(document).encode(), "application/problem+json", headers)


def shortened(got: object) -> str:
    """Return what came, short enough to be told back."""
    text = (got or "an empty text") if isinstance(got, str) else repr(got)
    return text if len(text) <= GOT_CHARS_MAX else text[:GOT_CHARS_MAX] + "…"
