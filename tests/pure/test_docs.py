"""Documentation that can be wrong is held to the code."""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from typer.main import get_command

from coalition.__main__ import app
from coalition.config import Settings
from partner_sdk.__main__ import _parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
# A block between fences, or a span within a line.
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command of a program: its options, and those that it is the group of."""

    options: set[str]
    commands: Mapping[str, "Command"]


def command_of_typer(command: Any) -> Command:
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    # Groups alone have them.
    further = getattr(command, "commands", {})
    return Command({*options, "--help"}, {name: command_of_typer(one) for name, one in further.items()})


def command_of_argparse(parser: argparse.ArgumentParser) -> Command:
    commands: dict[str, Command] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            commands |= {name: command_of_argparse(one) for name, one in action.choices.items()}
    return Command({name for action in parser._actions for name in action.option_strings}, commands)


def words_of(line: str) -> list[str]:
    """Return a shell's words, what stands between two commands (&&, |, ;) among them, without its comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        # A quotation that goes on in the next line.
        return line.split()


def commands_told(text: str) -> Iterator[list[str]]:
    """Yield the commands of our programs that a page's code names, each as its words."""
    for block, span in CODE.findall(text):
        for line in (block or span).replace("\\\n", " ").splitlines():
            words = words_of(line)
            for place, word in enumerate(words):
                program, before = word.rpartition("/")[2], words[place - 1] if place else ""
                # An option's value is the name of a user or of a database.
                if program in ("coalition", "coalition-partner") and not before.startswith("-"):
                    yield [program, *takewhile(lambda word: not set(word) <= set("&|;"), words[place + 1 :])]


def fault_of(command: Command, words: list[str]) -> str | None:
    """Return which of these words is neither a command nor an option."""
    for word in words:
        if not command.commands or not re.fullmatch("[a-z][a-z-]*", word):
            break
        if word not in command.commands:
            return word
        command = command.commands[word]
    options = [re.split("[]=]", word.lstrip("["))[0] for word in words]
    return next((name for name in options if name.startswith("--") and name not in command.options), None)


def test_every_setting_is_in_the_operators_table() -> None:
    """A setting that nobody can find does not exist."""
    table = (ROOT / "docs" / "operator.md").read_text()
    told = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `COALITION_")}
    assert told == {f"COALITION_{name.upper()}" for name in Settings.model_fields}


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in page.read_text().split("](")[1:]:
            path = target.partition(")")[0].partition("#")[0]
            if path and not path.startswith("http"):
                assert (page.parent / path).exists(), f"{page.name} links to {path}"


def test_every_command_that_a_page_names_is_there_with_its_options() -> None:
    """Whoever copies a line of a runbook at night must not be told that there is no such command."""
    programs = {"coalition": command_of_typer(get_command(app)), "coalition-partner": command_of_argparse(_parser())}
    told = [(page, words) for page in PAGES for words in commands_told(page.read_text())]
    faults = [(page.name, shlex.join(words), fault_of(programs[words[0]], words[1:])) for page, words in told]
    assert [fault for fault in faults if fault[2] is not None] == []
    # So that a change of how they are found does not leave them out unseen.
    assert len({tuple(words) for _, words in told}) > 100
    assert {words[0] for page, words in told if page.parent.parent.name == "deploy"} == {*programs}


def test_what_a_page_installs_is_this_project() -> None:
    """On package indexes the project's name is another project's: who installs that runs a stranger's code."""
    told = [(page.name, wanted) for page in PAGES for wanted in re.findall(r"pip install ([^`\n#]*)", page.read_text())]
    assert [one for one in told if re.search(r"\bcoalition(\[|\s|$|')", one[1])] == []
    assert len(told) > 4


def test_the_hubs_command_of_a_plain_install_says_what_it_lacks() -> None:
    """The partner's side installs both commands, and only what its own needs."""
    script = "import sys; sys.modules['typer'] = None; import coalition.__main__"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (ended.returncode, "pip install '.[hub]'" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)
