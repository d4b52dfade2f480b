"""The file of service tokens, `HAVERSACK_TOKENS`: who may do what, by the hashes of their tokens."""

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from gateway.auth.small_files import read_small
from gateway.http.identity import SERVICE
from gateway.http.operation import Scope
from gateway.http.rates import OFF, Rate, rate_of

TOKENS_MAX: Final = 1_000
# No colon: names of characters' tokens have one.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class TokenFileError(ValueError):
    """A file that cannot be used; ``errors`` has one line for each thing that is wrong with it."""

    def __init__(self, errors: list[str]) -> None:
        """Remember all of them."""
        super().__init__("; ".join(errors))
        self.errors = errors


class ServiceToken(Struct, frozen=True):
    """A token and what it stands for. ``digest`` is its SHA-256, ``expires_at`` in seconds since 1970.

    ``rate`` is its own, None for that of the setting; ``unlimited``: it has none, whatever is set.
    """

    name: str
    digest: bytes
    scopes: frozenset[Scope]
    expires_at: float | None = None
    rate: Rate | None = None
    unlimited: bool = False


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sha256: str
    scopes: list[Scope]
    expires: datetime | None = None
    rate: str | None = None


def valid_name(name: str) -> bool:
    """Whether a token may be called so, in the ledger too."""
    return _NAME.fullmatch(name) is not None and name != SERVICE


def read_tokens(path: Path) -> tuple[ServiceToken, ...]:
    """The tokens of a file, in its order. Raises ``TokenFileError`` with all that is wrong."""
    try:
        data = read_small(path)
    except ValueError as error:
        raise TokenFileError([str(error)]) from error
    try:
        document = tomllib.loads(data.decode())
    except ValueError as error:
        raise TokenFileError([f"{path}: {error}"]) from error
    errors = [f"{path}: {name}: there is no such key, only [[token]]" for name in document if name != "token"]
    entries = document.get("token", [])
    if not isinstance(entries, list) or len(entries) > TOKENS_MAX:
        raise TokenFileError([*errors, f"{path}: token: expected up to {TOKENS_MAX} tables [[token]]"])
    tokens: list[ServiceToken] = []
    for number, entry in enumerate(entries, 1):
        token, wrong = _token(entry)
        if token is not None:
            wrong = list(_taken(token, tokens))
            tokens.append(token)
        errors += [f"{path}: {_which(number, entry)}: {words}" for words in wrong]
    if errors:
        raise TokenFileError(errors)
    return tuple(tokens)


def _which(number: int, entry: Any) -> str:  # noqa: ANN401 - whatever TOML gives
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"token {number} ({name})" if isinstance(name, str) and valid_name(name) else f"token {number}"


def _token(entry: Any) -> tuple[ServiceToken | None, list[str]]:  # noqa: ANN401 - whatever TOML gives
    """The token, or what is wrong with the entry, each by its field."""
    try:
        read = msgspec.convert(entry, _Entry)
    except msgspec.ValidationError as error:
        words, _, path = str(error).partition(" - at `$.")
        return None, [f"{path.rstrip('`')}: {words}" if path else words]
    errors: list[str] = []
    rate: Rate | None = None
    if not valid_name(read.name):
        errors.append(f"name: expected up to 64 of A-Z a-z 0-9 . _ -, and not {SERVICE}")
    if not _SHA256.fullmatch(read.sha256):
        errors.append("sha256: expected 64 hex digits in lower case, the SHA-256 of the token")
    if not read.scopes or len(set(read.scopes)) < len(read.scopes):
        errors.append(f"scopes: expected some of {', '.join(Scope)}, each once")
    if read.expires is not None and read.expires.tzinfo is None:
        errors.append("expires: a time needs its zone, as in 2031-01-31T00:00:00Z")
    if read.rate is not None:
        try:
            rate = rate_of(read.rate)
        except ValueError as error:
            errors.append(f"rate: {error}")
    if errors:
        return None, errors
    token = ServiceToken(
        read.name,
        bytes.fromhex(read.sha256),
        frozenset(read.scopes),
        None if read.expires is None else read.expires.timestamp(),
        rate,
        unlimited=read.rate == OFF,
    )
    return token, []


def _taken(token: ServiceToken, others: list[ServiceToken]) -> Iterator[str]:
    for other in others:
        if other.name == token.name:
            yield "name: another entry has it already"
        if other.digest == token.digest:
            yield f"sha256: it is that of {other.name}"
