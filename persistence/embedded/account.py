"""The account that PostgreSQL runs under when we are root, which PostgreSQL refuses to run as."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import NamedTuple

from persistence.embedded.errors import EmbeddedError

_CHOICES = ("postgres", "nobody")


class Account(NamedTuple):
    """A system account other than our own."""

    name: str
    uid: int
    gid: int

    def can_enter(self, *directories: Path) -> bool:
        """Say whether the account may enter each of the directories.

        A shell running as the account tries it, because mode bits alone do not tell of ACLs, capabilities or
        mount options.
        """
        script = 'for directory do test -x "$directory" || exit 1; done'
        try:
            done = subprocess.run(  # noqa: S603  (a fixed script; the paths are its arguments)
                ["/bin/sh", "-c", script, "sh", *map(os.fspath, directories)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                check=False,
            )
        except OSError as error:
            raise EmbeddedError(
                f"PostgreSQL refuses to run as root, and it cannot be run as {self.name} either: {error}; "
                "run Haversack as an ordinary user, or set HAVERSACK_DATABASE_URL"
            ) from error
        return done.returncode == 0


def choose_account(data: Path) -> Account | None:
    """Return the account for PostgreSQL with its files in `data`, or None for our own.

    Existing files decide: PostgreSQL runs as their owner, so a directory that an ordinary user began, or that
    was begun before the machine had an account `postgres`, keeps working. Otherwise `postgres`, which exists
    for this very purpose, and failing that `nobody`; no account is created, because that would change the
    machine.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    names: list[str | int] = [owner] if owner else list(_CHOICES)
    for name in names:
        try:
            entry = pwd.getpwnam(name) if isinstance(name, str) else pwd.getpwuid(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        f"PostgreSQL refuses to run as root, and no account to run it under exists (tried {names}); "
        "run Haversack as an ordinary user, or set HAVERSACK_DATABASE_URL"
    )
