"""How a server's process is started, and what is said about its end."""

import signal
from pathlib import Path

import pytest

from persistence.embedded import ServerFailed
from persistence.embedded import process as process_module
from persistence.embedded.process import Log, how_it_ended, spawn


def run(log: Log, script: str) -> int:
    with (log.path.parent / "lifeline").open("w") as lifeline:
        argv = ["/bin/sh", "-c", script]
        return spawn("Sh", argv, log=log, cwd=log.path.parent, lifeline=lifeline.fileno()).wait(10)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "sh.log")


def test_it_gets_none_of_our_secrets(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAVERSACK_TOKEN", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert run(log, "env") == 0
    text = log.path.read_text()
    assert "LC_ALL=C\n" in text
    assert "secret" not in text


def test_its_files_and_its_log_are_private(log: Log, tmp_path: Path) -> None:
    assert run(log, "umask; touch made") == 0
    assert log.path.read_text() == "0077\n"
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_it_reads_nothing_and_sits_in_a_session_of_its_own(log: Log) -> None:
    assert run(log, "cat; cut -d ' ' -f 6 /proc/$$/stat; echo $$") == 0
    session, pid = log.path.read_text().split()
    assert session == pid


def test_its_last_words_are_those_since_its_start(log: Log) -> None:
    run(log, "echo before")
    run(log, "echo one; echo; echo two >&2")
    assert log.last_words() == f"its log {log.path} says:\n    one\n    two"
    run(log, "seq 1 100")
    assert log.last_words().endswith(":" + "".join(f"\n    {number}" for number in range(93, 101)))
    run(log, "true")
    assert log.last_words() == f"its log {log.path} says nothing"


def test_a_long_log_is_set_aside(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "_LOG_BYTES_MAX", 100)
    run(log, "seq 1 100")
    run(log, "echo new")
    assert log.path.read_text() == "new\n"
    assert log.path.with_name("sh.log.1").read_text().startswith("1\n2\n")


def test_what_cannot_be_executed_is_a_clear_error(log: Log, tmp_path: Path) -> None:
    argv = [tmp_path / "missing"]
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ServerFailed, match=rf"^Sh cannot be started: {argv[0]}: No such file or directory$"):
        spawn("Sh", argv, log=log, cwd=tmp_path, lifeline=0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_ends_in_words() -> None:
    assert how_it_ended(0) == "ended with status 0"
    assert how_it_ended(-signal.SIGKILL) == "was ended by SIGKILL"
    assert how_it_ended(-50) == "was ended by signal 50"
