"""Fixtures that more than one file of these tests asks for."""

from tests.database.archive_story import story  # noqa: F401
from tests.database.command_line import call  # noqa: F401
