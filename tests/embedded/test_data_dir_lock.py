"""One process a data directory: who holds it, who is refused, and when it is free again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from persistence.embedded import DataDirLocked, EmbeddedError, make_data_dir
from persistence.embedded.lock import DataDirLock


def test_the_second_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    first, second = DataDirLock(tmp_path), DataDirLock(tmp_path)
    first.acquire()
    with pytest.raises(DataDirLocked, match=rf"{tmp_path} is in use by process {os.getpid()};"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_pid_that_a_dead_holder_left_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\n")
    lock = DataDirLock(tmp_path)
    lock.acquire()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()


_PARENT = """
import os, signal, sys
from pathlib import Path
from persistence.embedded.lock import DataDirLock
lock = DataDirLock(Path(sys.argv[1]))
lock.acquire()
child = os.fork()
if child == 0:
    print(os.getpid(), flush=True)
    signal.pause()
signal.pause()
"""


def test_a_forked_child_does_not_keep_the_lock_of_a_dead_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, tmp_path], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        with pytest.raises(DataDirLocked, match=f"process {parent.pid};"):
            DataDirLock(tmp_path).acquire()
        parent.kill()
        parent.wait()
        lock = DataDirLock(tmp_path)
        lock.acquire()
        lock.release()
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def test_a_forked_child_does_not_unlock_its_parent(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    lock.acquire()
    child = os.fork()
    if child == 0:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(DataDirLocked):
        DataDirLock(tmp_path).acquire()
    lock.release()


def test_a_new_data_directory_is_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    assert make_data_dir(path)
    assert path.stat().st_mode & 0o777 == 0o700
    path.chmod(0o755)
    assert not make_data_dir(path)
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="is, or"):
        make_data_dir(tmp_path / "file")
    with pytest.raises(EmbeddedError, match="below, a file"):
        make_data_dir(tmp_path / "file" / "below")
