"""One run of the benchmarks, as small as can be: everything that takes servers and processes."""

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.options import Options
from benchmarks.report import read

SIDES = ["bulk", "stream_msgpack", "read"]
APART = ["memory", "played", "many"]


def test_a_tiny_run_measures_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Options, "played_s", 0.5)
    monkeypatch.setattr(Options, "many_s", 0.3)
    monkeypatch.setattr("benchmarks.played.SETTLING_S", 0.2)
    few = ["--rounds", "1", "--seconds", "1", "--characters", "40", "--sessions", "40"]
    assert main(["--quick", *few, "--results", str(tmp_path), "--only", *SIDES, *APART]) == 0
    (written,) = tmp_path.glob("*.json")
    results = read(written)
    assert list(results.samples) == SIDES
    assert all(sample.measured.requests for samples in results.samples.values() for sample in samples)
    assert results.played is not None and results.played.statements.statements > 0
    assert results.played.lags.count > 0
    assert results.many is not None
    assert [step.sessions for step in results.many.steps] == [1, 4, 40]
    assert results.many.storm.loads == 10 and results.many.storm.refused == 0
    assert {ratio.label.partition(",")[0] for ratio in results.ratios} >= {
        "PostgreSQL statements a move",
        "memory of a session / its DTO as JSON (20",
    }
