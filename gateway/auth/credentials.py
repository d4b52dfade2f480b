"""Who is let in, as the settings say it: service tokens and the keys of characters' tokens."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from gateway.auth.player_keys import PlayerKey, read_keys
from gateway.auth.token_file import ServiceToken, TokenFileError, read_tokens
from gateway.configuration.player_key_texts import key_files, key_texts
from gateway.configuration.settings import Settings, SettingsError
from gateway.http.identity import SERVICE
from gateway.http.operation import Scope


class Credentials(NamedTuple):
    """Service tokens, by their hashes, and keys."""

    tokens: tuple[ServiceToken, ...]
    keys: tuple[PlayerKey, ...] = ()


def token_digest(token: str) -> bytes:
    """What is kept of a token: its SHA-256. A token is random, so it needs no slower hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def read_credentials(settings: Settings) -> Credentials:
    """Read the files that the settings name. Raises ``SettingsError`` with all that is wrong with them."""
    tokens: list[ServiceToken] = []
    keys: tuple[PlayerKey, ...] = ()
    errors: list[str] = []
    if settings.token is not None:
        tokens.append(ServiceToken(SERVICE, token_digest(settings.token), frozenset(Scope)))
    if settings.tokens is not None:
        try:
            tokens += read_tokens(settings.tokens)
        except TokenFileError as error:
            errors += [f"HAVERSACK_TOKENS: {line}" for line in error.errors]
    if settings.player_key is not None:
        try:
            keys = read_keys(key_texts(settings.player_key))
        except ValueError as error:
            errors.append(f"HAVERSACK_PLAYER_KEY: {error}")
    if len({token.digest for token in tokens}) < len(tokens) and not errors:
        errors.append("HAVERSACK_TOKENS: has the token of HAVERSACK_TOKEN, which may do everything")
    if errors:
        raise SettingsError(errors)
    return Credentials(tuple(tokens), keys)


def credential_files(settings: Settings) -> tuple[Path, ...]:
    """The files that ``read_credentials`` reads."""
    tokens = () if settings.tokens is None else (settings.tokens,)
    keys = () if settings.player_key is None else key_files(key_texts(settings.player_key))
    return (*tokens, *keys)
