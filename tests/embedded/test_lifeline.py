"""The lock that servers inherit tells who still works on their files; nobody else is ever signalled."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from persistence.embedded import DataInUse
from persistence.embedded.lifeline import Lifeline, Step
from tests.embedded.clients import eventually

Child = subprocess.Popen[bytes]


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for child in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, SIGKILL)
        child.wait()


def lifeline(path: Path) -> Lifeline:
    return Lifeline(
        path / "x.lifeline", leader_plan=(Step(SIGTERM, 20.0),), straggler_plan=(Step(None, 0.1),)
    )


def orphan(path: Path, children: list[Child], program: str = "sleep 60") -> Child:
    """Start a shell command on the lifeline and let go of it, as a parent does that dies."""
    line = lifeline(path)
    line.take()
    child = subprocess.Popen(["/bin/sh", "-c", program], pass_fds=(line.fd,), process_group=0)
    children.append(child)
    line.name_leader(child.pid)
    line.let_go()
    assert line.held()
    return child


def test_a_leader_is_asked_to_stop(tmp_path: Path, children: list[Child]) -> None:
    child = orphan(tmp_path, children, "exec sleep 60")
    line = lifeline(tmp_path)
    line.take()
    assert child.wait(10) == -SIGTERM
    line.let_go()
    assert not line.held()


def test_children_that_outlive_their_leader_are_killed(tmp_path: Path, children: list[Child]) -> None:
    child = orphan(tmp_path, children, f"sleep 60 & touch {tmp_path}/forked; wait")
    eventually((tmp_path / "forked").exists)
    child.kill()
    child.wait()
    line = lifeline(tmp_path)
    assert line.held()
    line.take()
    line.let_go()
    assert not line.held()


def test_a_leader_that_does_not_listen_is_killed(tmp_path: Path, children: list[Child]) -> None:
    child = orphan(tmp_path, children, f"trap '' TERM; touch {tmp_path}/trapped; sleep 60")
    eventually((tmp_path / "trapped").exists)
    line = Lifeline(tmp_path / "x.lifeline", leader_plan=(Step(SIGTERM, 0.2),), straggler_plan=())
    line.take()
    assert child.wait(10) == -SIGKILL
    line.let_go()


def test_a_process_that_only_reads_the_file_is_left_alone(tmp_path: Path, children: list[Child]) -> None:
    child = orphan(tmp_path, children, "exec sleep 60")
    # Without a leader, every holder is killed.
    (tmp_path / "x.lifeline").write_text("")
    program = f"open({str(tmp_path / 'x.lifeline')!r}, 'r+'); print(1, flush=True)"
    reader = subprocess.Popen(
        [sys.executable, "-c", f"import time; f = {program}; time.sleep(60)"],
        stdout=subprocess.PIPE,
        process_group=0,
    )
    children.append(reader)
    assert reader.stdout is not None and reader.stdout.readline()
    line = lifeline(tmp_path)
    line.take()
    line.let_go()
    assert child.wait(10) == -SIGKILL
    assert reader.poll() is None
    reader.stdout.close()


def test_a_reused_pid_is_left_alone(tmp_path: Path, children: list[Child]) -> None:
    innocent = subprocess.Popen(["sleep", "60"], process_group=0)
    children.append(innocent)
    child = orphan(tmp_path, children, "exec sleep 60")
    (tmp_path / "x.lifeline").write_text(f"{innocent.pid}\n")
    line = lifeline(tmp_path)
    line.take()
    line.let_go()
    assert child.wait(10) == -SIGKILL
    assert innocent.poll() is None


def test_a_holder_that_cannot_be_seen_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Our own process is never among the holders, so it can play the one in another container.
    monkeypatch.setattr("persistence.embedded.lifeline._UNSEEN_S", 0.1)
    first, second = lifeline(tmp_path), lifeline(tmp_path)
    first.take()
    with pytest.raises(DataInUse, match="another account or container"):
        second.take()
    first.let_go()


def test_waiting_for_a_holder_can_be_given_up(tmp_path: Path, children: list[Child]) -> None:
    orphan(tmp_path, children, f"trap '' TERM; touch {tmp_path}/trapped; sleep 60")
    eventually((tmp_path / "trapped").exists)

    def give_up() -> None:
        raise KeyboardInterrupt

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(KeyboardInterrupt):
        lifeline(tmp_path).take(give_up)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
