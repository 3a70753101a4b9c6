"""The embedded PostgreSQL when whoever makes it is killed half-way."""

from pathlib import Path

import pytest

from coalition.database.embedded import EmbeddedPostgres


@pytest.mark.parametrize("step", ["_start", "_run_sql"])
def test_a_cluster_that_was_not_finished_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """`PG_VERSION` is there long before the database is."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedPostgres, step, killed)
        with pytest.raises(KeyboardInterrupt):
            EmbeddedPostgres(tmp_path).__enter__()

    with EmbeddedPostgres(tmp_path) as server:
        assert (server.cluster / "PG_VERSION").exists()
        server._run_sql("coalition", "SELECT 1")
    with EmbeddedPostgres(tmp_path) as server:
        server._run_sql("coalition", "SELECT 1")
