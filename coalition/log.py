"""Logging: events with fields, readable on a terminal, JSON for machines; to standard error.

What libraries log by Python's own means becomes such an event too: else their lines, and whole tracebacks while the
database is away, would stand between those that a machine reads.
"""

import logging
import sys

import structlog


class LibraryHandler(logging.Handler):
    """Tells what a library logs as one event of ours; with a traceback only if it is an error."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        more = {} if error is None else {"reason": f"{type(error).__name__}: {error}"}
        traceback = error if record.levelno >= logging.ERROR else None
        structlog.get_logger().log(
            record.levelno, "library.said", library=record.name, text=record.getMessage(), exc_info=traceback, **more
        )


def set_up_logging(*, level: str, as_json: bool) -> None:
    """Set up structlog for this process."""
    renderer = structlog.processors.JSONRenderer() if as_json else _console_renderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        # A line with its end is one write: workers share standard error, and `print` would let another's come between.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[LibraryHandler()], level=logging.WARNING)


def _console_renderer() -> structlog.dev.ConsoleRenderer:
    # Plain tracebacks: rich ones print the local variables, and with them members' data.
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
