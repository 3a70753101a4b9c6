"""The hub of a multi-partner loyalty programme: verifies, books and proves what partners send."""

__version__ = "0.1.0"
