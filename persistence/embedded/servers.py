"""The servers that `haversack serve` runs by itself when no URL names others."""

import atexit
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from persistence.embedded.account import choose_account
from persistence.embedded.binaries import find_postgres, find_valkey
from persistence.embedded.errors import EmbeddedError
from persistence.embedded.installation import readable_bin_dir
from persistence.embedded.interrupts import Interrupts
from persistence.embedded.lock import DataDirLock, make_data_dir
from persistence.embedded.place import STATE_ROOT, choose_place, find_place
from persistence.embedded.postgres import PostgresServer
from persistence.embedded.server import Checkpoint, Server
from persistence.embedded.valkey import ValkeyServer


class EmbeddedServers:
    """Valkey and PostgreSQL under one data directory; a context manager that stops them at its end.

    `redis_url` and `database_url` are None for a server that was not asked for. `notes` are statements that
    the operator should see.
    """

    def __init__(self, data_dir: Path, *, new: bool) -> None:
        """Use `start` instead."""
        self.redis_url: str | None = None
        self.database_url: str | None = None
        self.notes: list[str] = []
        self._data_dir = data_dir
        self._new = new
        self._lock = DataDirLock(data_dir)
        self._servers: list[Server] = []

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        valkey: bool = True,
        postgres: bool = True,
        valkey_settings: Mapping[str, str] | None = None,
        postgres_settings: Mapping[str, str] | None = None,
        state_root: Path = STATE_ROOT,
    ) -> "EmbeddedServers":
        """Start the servers asked for and wait until they serve.

        Creates `data_dir` (0700) if need be. `state_root` is where root keeps what PostgreSQL's account must
        reach. Raises `EmbeddedError`; whatever it raises, KeyboardInterrupt and SystemExit for a SIGTERM
        included, nothing is left running. Blocks, for a few seconds at the first start; meant to be called
        before an event loop runs.
        """
        data_dir = data_dir.absolute()
        try:
            new = make_data_dir(data_dir) or _is_empty_and_ours(data_dir)
            servers = cls(data_dir.resolve(), new=new)
            servers._lock.acquire()
        except OSError as error:
            raise EmbeddedError(f"the data directory {data_dir} cannot be used: {error}") from error
        try:
            with Interrupts() as interrupts:
                if valkey:
                    servers._servers.append(servers._make_valkey(valkey_settings))
                if postgres:
                    servers._servers.append(servers._make_postgres(postgres_settings, state_root))
                servers._run(interrupts.check)
        except BaseException as error:
            with Interrupts():
                servers.stop()
            if isinstance(error, OSError):
                raise EmbeddedError(f"the servers in {data_dir} cannot be started: {error}") from error
            raise
        return servers

    def stop(self) -> None:
        """Stop the servers, all their data on disk, and unlock the data directory; may be called again.

        Both are told at once and have 35 s at most before they are killed.
        """
        atexit.unregister(self.stop)
        with contextlib.ExitStack() as last:
            last.callback(self._lock.release)
            for server in self._servers:
                server.ask_to_stop()
                last.callback(server.stop)

    def dead(self) -> str | None:
        """Return a statement about a server that ended by itself, or None while all run; cheap to poll."""
        return next((words for server in self._servers if (words := server.dead())), None)

    def __enter__(self) -> "EmbeddedServers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, checkpoint: Checkpoint) -> None:
        # Both are launched before either is waited for, so that one loads its data while the other makes its
        # files.
        for server in self._servers:
            server.launch(checkpoint)
        for server in self._servers:
            server.wait_ready(checkpoint)
            if isinstance(server, ValkeyServer):
                self.redis_url = server.url
            else:
                self.database_url = server.url
        # For a caller that is interrupted before it can stop us.
        atexit.register(self.stop)

    def _make_valkey(self, settings: Mapping[str, str] | None) -> ValkeyServer:
        return ValkeyServer(binary=find_valkey(), home=self._data_dir, settings=settings)

    def _make_postgres(self, settings: Mapping[str, str] | None, state_root: Path) -> PostgresServer:
        bin_dir = find_postgres()
        home = find_place(self._data_dir) or self._data_dir
        account = choose_account(home / PostgresServer.KEY)
        if account is not None:
            self._note_foreign_owner()
            if home == self._data_dir and not (home / PostgresServer.KEY).exists():
                home = choose_place(self._data_dir, account, state_root, new=self._new)
            usable = readable_bin_dir(bin_dir, account, state_root)
            self._note_account(account.name, home, usable if usable != bin_dir else None)
            bin_dir = usable
        return PostgresServer(
            bin_dir=bin_dir, home=home, records=self._data_dir, account=account, settings=settings
        )

    def _note_foreign_owner(self) -> None:
        owner = self._data_dir.stat().st_uid
        if owner != 0:
            self.notes.append(
                f"{self._data_dir} belongs to user {owner}, who cannot use what root now writes there."
            )

    def _note_account(self, name: str, home: Path, copy: Path | None) -> None:
        self.notes.append(f"PostgreSQL refuses to run as root, so it runs as {name}.")
        if home != self._data_dir:
            self.notes.append(f"{name} cannot reach {self._data_dir}, so PostgreSQL's files are in {home}.")
        if copy is not None:
            self.notes.append(f"{name} cannot reach PostgreSQL's programs, so it uses a copy in {copy}.")


def _is_empty_and_ours(directory: Path) -> bool:
    return directory.stat().st_uid == os.geteuid() and not any(directory.iterdir())
