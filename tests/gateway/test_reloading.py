"""Files that are read again when they change."""

import asyncio
import logging
import os
import signal
from pathlib import Path

import pytest

from gateway.auth import reloading as module
from gateway.auth.reloading import Reloading, reloading


class Read:
    """Counts, and fails when it is told to."""

    def __init__(self) -> None:
        self.times = 0
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.times += 1
        if self.error is not None:
            raise self.error


def test_what_is_a_change(tmp_path: Path) -> None:
    path, read = tmp_path / "a", Read()
    path.write_text("1")
    watched = Reloading("tokens", [path, tmp_path / "absent"], read)
    watched.look()
    assert read.times == 0
    for number, change in enumerate(
        (
            lambda: path.write_text("22"),
            # As renewals and mounted secrets do: another file, of the same size and time.
            lambda: replace(path),
            path.unlink,
            lambda: path.write_text("1"),
            lambda: (tmp_path / "absent").write_text(""),
        ),
        1,
    ):
        change()
        watched.look()
        watched.look()
        assert read.times == number
    watched.look(changed=True)
    assert read.times == 6


def replace(path: Path) -> None:
    beside, before = path.with_suffix(".new"), path.stat()
    beside.write_bytes(path.read_bytes()[::-1])
    os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
    beside.replace(path)


def test_what_cannot_be_read_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, read = tmp_path / "a", Read()
    watched = Reloading("tokens", [path], read)
    for error, words in ((ValueError("no scopes"), "no scopes"), (RuntimeError("a fault"), "Traceback")):
        caplog.clear()
        read.error = error
        path.write_text(words)
        watched.look()
        watched.look()
        assert [record.message for record in caplog.records] in (
            [f"tokens stay as they were: {error}"],
            ["tokens stay as they were"],
        )
        assert words in caplog.text
    caplog.clear()
    read.error = None
    path.write_text("good")
    with caplog.at_level(logging.INFO):
        watched.look()
    assert "tokens were read again" in caplog.text


async def test_looks_by_time_and_by_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(module, "at_terminal", lambda: False)
    path, read = tmp_path / "a", Read()
    path.write_text("")
    before = signal.getsignal(signal.SIGHUP)
    try:
        async with reloading([Reloading("tokens", [path], read), Reloading("none", [], read)]):
            path.write_text("changed")
            async with asyncio.timeout(20):
                while read.times < 1:
                    await asyncio.sleep(0.005)
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(20):
                while read.times < 2:
                    await asyncio.sleep(0.005)
        assert read.times == 2
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)
