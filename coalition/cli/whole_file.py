"""Files of the command line: whole under their names, or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path, *, is_private: bool = False) -> Iterator[BinaryIO]:
    """Open a file to be written, which gets its name once it is whole; folders above it are made.

    What was there under that name stays until then, and for good if the block fails. `is_private`: only its owner may
    read it. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        # A device or a pipe: what is written to it goes on its way, and no file may take its place.
        with path.open("wb") as file:
            yield file
        return
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            if is_private:
                os.fchmod(file.fileno(), 0o600)
            yield file
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
