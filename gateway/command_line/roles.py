"""``haversack roles``: the least rights that the program does with, as SQL and as Redis's ACL rules."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.configuration.settings import Settings, SettingsError
from persistence import roles

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_roles_commands(commands: "Subparsers") -> None:
    """Add ``roles postgres`` and ``roles redis``, which print and change nothing."""
    kinds = commands.add_parser("roles", help="roles and users with the least rights").add_subparsers(
        required=True, metavar="COMMAND"
    )
    postgres = kinds.add_parser("postgres", help="print SQL that makes PostgreSQL's roles")
    postgres.add_argument(
        "--name", type=_name, default=roles.NAME, help="what the roles' names begin with (haversack)"
    )
    postgres.add_argument(
        "--grants", action="store_true", help="print what `haversack migrate` grants them instead"
    )
    postgres.set_defaults(run=_postgres)
    redis = kinds.add_parser("redis", help="print ACL rules for Redis's users")
    redis.add_argument("--file", action="store_true", help="as lines of an ACL file, not as commands")
    redis.add_argument("--user", choices=list(roles.REDIS_USERS), help="of this one alone")
    redis.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="with the password in it, as its hash; needs --user",
    )
    redis.set_defaults(run=_redis)


def _postgres(_: Settings, arguments: argparse.Namespace) -> None:
    print_sql = roles.postgres_grants if arguments.grants else roles.postgres_roles
    sys.stdout.write(print_sql(arguments.name))


def _redis(settings: Settings, arguments: argparse.Namespace) -> None:
    password: tuple[str, ...] = ()
    if arguments.password_file is not None:
        if arguments.user is None:
            # One password for all would let whoever serves log in as an operator.
            raise SettingsError(["--password-file: each user has one of its own, so it needs --user"])
        password = ("resetpass", f"#{_hash(arguments.password_file)}")
    users = roles.redis_users(settings.key_prefix)
    if arguments.user is not None:
        users = {arguments.user: users[arguments.user]}
    elif arguments.file:
        # A user that a file does not name is as in a new Redis, which lets everybody in by this one.
        sys.stdout.write("user default off\n")
    verb = "user" if arguments.file else "ACL SETUSER"
    for user, rules in users.items():
        sys.stdout.write(f"{' '.join((verb, user, *password, *rules))}\n")


def _hash(file: Path) -> str:
    text = file.read_text("utf-8").strip()
    if not text:
        raise ValueError(f"{file} has no password in it")
    return hashlib.sha256(text.encode()).hexdigest()


def _name(text: str) -> str:
    try:
        return roles.check_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
