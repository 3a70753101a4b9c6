"""The benchmark runs from the shell and tells what it promises; its figures are nobody's business here."""

import json
import subprocess
import sys
from typing import Any

CONFIRM = ["--confirm-ms", "2"]
SMALL = ["--members", "200", "--rounds", "1", "--messages", "2", "--singles", "40", "--workers", "1", *CONFIRM]


def test_the_benchmark_tells_ratios_raw_numbers_and_settings() -> None:
    """JSON alone on stdout; every figure with its ceiling beside it; full durability stated; every operation found."""
    command = [sys.executable, "-m", "coalition", "bench", "--json", "--quick", "--profile", *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)

    figures = document["figures"]
    assert [figure["id"] for figure in figures] == ["B1", "B1", "B2", *["B3"] * 4, "B4", "B5", "B6"]
    for figure in figures:
        assert figure["ratio_min"] <= figure["ratio"] <= figure["ratio_max"]
        assert figure["measured"] > 0
        assert figure["reference"] > 0
        assert (figure["first_target"] < figure["goal"]) == (figure["better"] == "more")
    assert {document["settings"][name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert document["settings"]["workers"] == 1
    assert document["settings"]["commit_delay"] == "2000"
    assert document["machine"]["commit_ms"] > 2
    assert document["counts"]["answers_checked"] > 0
    assert document["latency"]["hub"]["p50_ms"] <= document["latency"]["hub"]["p99_ms"]
    assert [window["operations"] for window in document["raw"]["windows"]] == [1_000, 1_000, 1_000, 10_000]
    (reads,) = document["raw"]["reads"]
    assert reads["hub"]["messages"] == reads["bare"]["messages"] == 40
    (round_,) = document["raw"]["clearing"]
    # Of those sent at a rate a hub may turn some away, on a machine that has become slower in between.
    assert round_["uniform"]["messages"] == 2
    assert round_["uniform"]["dropped"] == 0
    assert set(round_) == {"uniform", "zipf", "copy", "copy_2", "peer"}
    assert all({"hub", "postgres", "generator"} <= set(part["cpu_s"]) for part in round_.values())
    assert [profile["operations"] for profile in document["profile"]] == [500, 1]
    stages = ["verify", "parse", "digest", "load", "decide", "hash", "encode", "sign", "rest", "database"]
    assert all(list(profile["us"]) == stages for profile in document["profile"])
    assert {"machine", "versions", "sizes", "duration_s", "quick"} <= set(document)
