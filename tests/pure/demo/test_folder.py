"""The demo empties only what a demo made, and two runs never share a directory."""

from pathlib import Path

import pytest

from coalition.demo.errors import FolderBusyError, FolderTakenError
from coalition.demo.folder import claim_folder


def test_a_new_directory_is_made_and_emptied_by_the_next_run(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    with claim_folder(place) as folder:
        folder.partners.mkdir()
        (folder.partners / "auenmarkt.pem").write_text("key")
        folder.hub_log.write_text("log")
    with claim_folder(place) as folder:
        assert not folder.partners.exists()
        assert not folder.hub_log.exists()


def test_a_directory_with_other_files_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderTakenError, match="no demo put there"), claim_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_link_and_a_file_are_refused(tmp_path: Path) -> None:
    """A link could lead the emptying anywhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("")
    for name in ("link", "file"):
        with pytest.raises(FolderTakenError, match="is not a directory"), claim_folder(tmp_path / name):
            pass


def test_a_named_directory_in_use_is_busy(tmp_path: Path) -> None:
    with claim_folder(tmp_path / "demo") as folder:
        folder.hub_log.write_text("log")
        with pytest.raises(FolderBusyError), claim_folder(tmp_path / "demo"):
            pass
        assert folder.hub_log.exists()


def test_without_a_name_a_second_run_takes_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passing over what belongs to others, too."""
    monkeypatch.setattr("coalition.demo.folder.default_path", lambda: tmp_path / "demo")
    (tmp_path / "demo-2").mkdir()
    (tmp_path / "demo-2" / "thesis.txt").write_text("years of work")
    with claim_folder(None) as first, claim_folder(None) as second:
        assert (first.path.name, second.path.name) == ("demo", "demo-3")
