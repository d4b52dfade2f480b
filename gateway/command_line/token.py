"""`haversack token make | player`: tokens for services, and for trying what a player may do."""

import argparse
import re
import secrets
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from gateway.auth.credentials import token_digest
from gateway.auth.player_keys import read_keys
from gateway.auth.player_tokens import mint
from gateway.auth.token_file import valid_name
from gateway.configuration.player_key_texts import key_texts
from gateway.configuration.settings import Settings, SettingsError
from gateway.http.operation import Scope
from gateway.http.problems import Problem
from gateway.http.requests import normal_char_id

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# So that those who look for secrets in places where none should be can tell what they have found.
PREFIX: Final = "hvs_"
DAYS_MAX: Final = 3_650
MINUTES_DEFAULT: Final = 15

_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


def add_token_commands(commands: "Subparsers") -> None:
    """Add ``token make``, which needs no settings, and ``token player``, which needs the players' key."""
    token = commands.add_parser("token", help="tokens that callers send").add_subparsers(
        required=True, metavar="COMMAND"
    )
    making = token.add_parser("make", help="make a service's token, and its entry for HAVERSACK_TOKENS")
    making.add_argument("name", metavar="NAME", help="what the ledger will say of who called")
    making.add_argument(
        "--scope", dest="scopes", action="append", required=True, choices=[scope.value for scope in Scope],
        help="what it may do; several times for several",
    )  # fmt: skip
    making.add_argument("--days", type=_number, metavar="N", help="how long it holds; for ever without")
    making.set_defaults(run=_make, environ={})

    player = token.add_parser("player", help="sign a character's token, by the secret HAVERSACK_PLAYER_KEY")
    player.add_argument("char_id", metavar="ID")
    player.add_argument(
        "--minutes", type=_number, default=MINUTES_DEFAULT, metavar="N",
        help=f"how long it holds ({MINUTES_DEFAULT})",
    )  # fmt: skip
    player.add_argument(
        "--scope", dest="scopes", action="append", choices=[Scope.READ.value, Scope.PLAY.value],
        help="what it may do, instead of both",
    )  # fmt: skip
    player.set_defaults(run=_player)


def _make(_: Settings, arguments: argparse.Namespace) -> None:
    """The entry goes to standard output, to be added to the file; the token only to whoever looks."""
    if not valid_name(arguments.name):
        raise SettingsError(["NAME: expected up to 64 of A-Z a-z 0-9 . _ -, and not service"])
    if arguments.days is not None and arguments.days > DAYS_MAX:
        raise SettingsError([f"--days: expected at most {DAYS_MAX}"])
    token = PREFIX + secrets.token_urlsafe(32)
    sys.stdout.write(entry_of(arguments.name, token, list(dict.fromkeys(arguments.scopes)), arguments.days))
    sys.stdout.flush()
    sys.stderr.write(f"The token, which is shown this once: {token}\n")


def entry_of(name: str, token: str, scopes: list[str], days: int | None) -> str:
    """The entry of the token file, which holds the hash and not the token."""
    lines = [
        "[[token]]",
        f'name = "{name}"',
        f'sha256 = "{token_digest(token).hex()}"',
        "scopes = [" + ", ".join(f'"{scope}"' for scope in scopes) + "]",
    ]
    if days is not None:
        lines.append(f"expires = {datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}")
    return "\n".join(lines) + "\n"


def _player(settings: Settings, arguments: argparse.Namespace) -> None:
    lifetime_s = arguments.minutes * 60
    errors = []
    if settings.player_key is None:
        errors.append("HAVERSACK_PLAYER_KEY: is not set")
    if lifetime_s > settings.player_token_max_s:
        errors.append(f"--minutes: HAVERSACK_PLAYER_TOKEN_MAX_S allows {settings.player_token_max_s // 60}")
    try:
        char_id = normal_char_id(arguments.char_id, "ID")
    except Problem:
        errors.append("ID: expected a UUID")
    if errors:
        raise SettingsError(errors)
    assert settings.player_key is not None
    scopes = tuple(Scope(scope) for scope in arguments.scopes or (Scope.READ, Scope.PLAY))
    try:
        key = read_keys(key_texts(settings.player_key))[0]
        token = mint(key, char_id, audience=settings.player_audience, lifetime_s=lifetime_s, scopes=scopes)
    except ValueError as error:
        raise SettingsError([f"HAVERSACK_PLAYER_KEY: {error}"]) from error
    sys.stdout.write(f"{token}\n")


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError("expected a whole number from 1")
    return int(text)
