"""A PostgreSQL server of our own: durable, reachable by unix socket only, never run as root."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT, SIGQUIT
from typing import ClassVar
from urllib.parse import quote

from persistence.embedded import pgwire
from persistence.embedded.account import Account, choose_account
from persistence.embedded.errors import EmbeddedError, ServerFailed
from persistence.embedded.files import sync_directory
from persistence.embedded.lifeline import POLL_S, Plan, Step
from persistence.embedded.process import how_it_ended, spawn
from persistence.embedded.server import Checkpoint, Readiness, Server

NAME = "haversack"
_PORT = 5432
_PROBE_S = 5.0


class PostgresServer(Server):
    """Runs `bin_dir/postgres` with its files in `home/postgres`; role and database are `haversack`.

    The database is UTF-8 with the locale C, so that an index does not depend on the machine's C library.

    Whoever can enter the socket's directory is trusted: that is the account that owns the files, and root.
    """

    NAME = "PostgreSQL"
    KEY = "postgres"
    PROGRAMS = ("postgres", "postmaster")
    # A fast shutdown (SIGINT) ends the sessions and writes a checkpoint; an immediate one (SIGQUIT) leaves
    # the writing to the recovery of the next start. Neither loses a commit.
    STOP_PLAN: ClassVar[Plan] = (Step(SIGINT, 30.0), Step(SIGQUIT, 5.0))
    # Children notice the death of their postmaster by themselves, though not in the middle of a computation.
    # They must not get a SIGINT, which means other things to each of them.
    STRAGGLER_PLAN: ClassVar[Plan] = (Step(None, 1.0), Step(SIGQUIT, 3.0))

    def __init__(
        self,
        *,
        bin_dir: Path,
        home: Path,
        records: Path | None = None,
        account: Account | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Run as `account`, by default ourselves or, for root, the one that `choose_account` finds.

        It must be able to enter `home` and `bin_dir`.

        `settings` are added to the server's, or replace some of them, as in `{"fsync": "off"}`.
        """
        super().__init__(home, records or home)
        self._bin_dir = bin_dir
        self._account = account or choose_account(self.data)
        self._settings = dict(settings or {})
        self._socket_dir = Path()

    @property
    def url(self) -> str:
        """A `postgresql://` URL for `asyncpg.connect`."""
        return socket_url(self._socket_dir)

    def _spawn(self, checkpoint: Checkpoint) -> "subprocess.Popen[bytes]":
        if self._account is not None and not self._account.can_enter(self.home, self._bin_dir):
            raise EmbeddedError(
                f"the account {self._account.name} cannot enter {self.home} and {self._bin_dir}"
            )
        try:
            if not self.data.exists():
                self._create_files(checkpoint)
            self._forget_reused_pid()
            self._socket_dir = self._sockets.open(self._account)
        except OSError as error:
            raise EmbeddedError(f"PostgreSQL's files cannot be prepared: {error}") from error
        settings = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": f'"{self._socket_dir}"',
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_destination": "stderr",
            "timezone": "UTC",
            "log_timezone": "UTC",
        } | self._settings
        if sys.platform == "linux":
            # After a crash every file is synced before recovery; all at once takes a third of the time.
            settings = {"recovery_init_sync_method": "syncfs"} | settings
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._run([self._bin_dir / "postgres", "-D", self.data, *arguments])

    def _create_files(self, checkpoint: Checkpoint) -> None:
        """Run initdb beside the final place, then rename, lest half-made files be taken for whole."""
        fresh = self.home / f"{self.KEY}.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(fresh, self._account.uid, self._account.gid)
        options = [
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
        ]
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        self._process = self._run([self._bin_dir / "initdb", "-D", fresh, "-U", NAME, *options])
        self._lifeline.name_leader(self._process.pid)
        while self._process.poll() is None:
            checkpoint()
            time.sleep(POLL_S)
        if self._process.returncode != 0:
            raise ServerFailed(
                f"PostgreSQL's files cannot be created: initdb {how_it_ended(self._process.returncode)}; "
                f"{self.log.last_words()}"
            )
        self._process = None
        fresh.rename(self.data)
        sync_directory(self.home)

    def _run(self, argv: list[str | Path]) -> "subprocess.Popen[bytes]":
        # The current directory may be one that the account cannot enter, which older versions do not forgive.
        return spawn(
            self.NAME, argv, log=self.log, cwd=Path("/"), lifeline=self._lifeline.fd, account=self._account
        )

    def _forget_reused_pid(self) -> None:
        """Remove a `postmaster.pid` whose pid now belongs to an unrelated process.

        PostgreSQL refuses to start as long as any process of its account has that pid. We know better: nobody
        holds the lifeline and no server works in the directory. If the pid is free, PostgreSQL does the
        cleaning.
        """
        pid_file = self.data / "postmaster.pid"
        try:
            first = pid_file.read_text().split("\n", 1)[0].strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return
        if first.isdigit() and _exists(int(first)):
            pid_file.unlink()

    def _probe(self) -> Readiness:
        path = self._socket_dir / f".s.PGSQL.{_PORT}"
        try:
            failure = pgwire.ask(path, user=NAME, database=NAME, timeout_s=_PROBE_S)
            if failure is not None and failure.sqlstate == pgwire.NO_SUCH_DATABASE:
                # The first start, or one after a first start that did not come this far.
                failure = pgwire.ask(path, user=NAME, database="postgres", query=f"CREATE DATABASE {NAME}")
        except OSError:
            return Readiness.SILENT
        if failure is None:
            return Readiness.READY
        if failure.sqlstate == pgwire.CANNOT_CONNECT_NOW:
            return Readiness.LOADING
        raise ServerFailed(f"PostgreSQL refuses its first client: {failure.message} ({failure.sqlstate})")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def socket_url(directory: Path) -> str:
    """A `postgresql://` URL of the server whose socket is in `directory`."""
    return f"postgresql://{NAME}@/{NAME}?host={quote(str(directory), safe='')}&port={_PORT}"
