"""Starting one process of a server, and its log."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from persistence.embedded.account import Account
from persistence.embedded.errors import EmbeddedError, ServerFailed

_LOG_BYTES_MAX = 10_000_000
_TAIL_BYTES = 4_096
_TAIL_LINES = 8
# Servers get none of our settings: another account could read our tokens and passwords out of /proc.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TZDIR")


class Log:
    """The file that takes what a server writes to its standard output and error."""

    def __init__(self, path: Path) -> None:
        """Use the file `path`, which need not exist yet."""
        self.path = path
        self._mark = 0

    def open(self) -> int:
        """Open for appending and return the descriptor; a log beyond 10 MB is first set aside as `*.1`."""
        try:
            if self.path.exists() and self.path.stat().st_size > _LOG_BYTES_MAX:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise EmbeddedError(f"the log {self.path} cannot be written: {error}") from error
        self._mark = os.fstat(fd).st_size
        return fd

    def last_words(self) -> str:
        """Return a phrase that names the file and quotes the last lines written since `open`."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._mark, size - _TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            text = ""
        lines = [line for line in text.splitlines() if line.strip()][-_TAIL_LINES:]
        quoted = "".join(f"\n    {line}" for line in lines)
        return f"its log {self.path} says:{quoted}" if lines else f"its log {self.path} says nothing"


def spawn(
    server: str,
    argv: Sequence[str | Path],
    *,
    log: Log,
    cwd: Path,
    lifeline: int,
    account: Account | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a process of `server` that inherits nothing but its log and the descriptor `lifeline`.

    It gets a session of its own, so that Ctrl-C at the terminal reaches only us, and runs as `account` when
    one is given. Raises `ServerFailed` when the program cannot be executed.
    """
    output = log.open()
    try:
        return subprocess.Popen(  # noqa: S603  (no shell; starting programs is what this is for)
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"LC_ALL": "C"},
            pass_fds=(lifeline,),
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError as error:
        who = f" as {account.name}" if account else ""
        raise ServerFailed(
            f"{server} cannot be started{who}: {argv[0]}: {error.strerror or error}"
        ) from error
    finally:
        os.close(output)


def how_it_ended(returncode: int) -> str:
    """Put the return code of a `Popen` into words."""
    if returncode >= 0:
        return f"ended with status {returncode}"
    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was ended by signal {-returncode}"
