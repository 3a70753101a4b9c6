"""Logging: events with fields, readable on a terminal, JSON for machines; to standard error."""

import logging
import sys

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _console_renderer() -> structlog.dev.ConsoleRenderer:
    # Plain tracebacks: rich ones print the local variables, and with them members' data.
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
