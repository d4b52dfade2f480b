"""The file of service tokens: what it may say, what is wrong with it, and what a change of it does."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.auth import bearer as auth_module
from gateway.auth.bearer import BearerAuth
from gateway.auth.credentials import read_credentials, token_digest
from gateway.auth.token_file import ServiceToken, TokenFileError, read_tokens
from gateway.configuration.settings import Settings, SettingsError
from gateway.http.identity import Identity
from gateway.http.operation import Scope
from gateway.http.problems import Problem
from gateway.http.rates import Rate
from tests.gateway.standin import TOKEN
from tests.gateway.tokens import bearer, entry, write

HASH = token_digest("one").hex()
GOOD = f'name = "a"\nsha256 = "{HASH}"\nscopes = ["read"]\n'


def request(token: str) -> web.Request:
    return make_mocked_request("GET", "/", headers=bearer(token))


def let_in(auth: BearerAuth, token: str) -> Identity | None:
    try:
        return auth.identify(request(token))
    except Problem as problem:
        assert problem.code == "UNAUTHENTICATED"
        return None


def test_everything_that_may_be_said(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(
        f'[[token]]\nname = "match-maker.2"\nsha256 = "{HASH}"\nscopes = ["read", "play"]\n'
        'expires = 2031-01-31T12:00:00+01:00\nrate = "500/s burst 1000"\n'
        f'[[token]]\nname = "Shop"\nsha256 = "{"0" * 64}"\nscopes = ["grant"]\n'
        'expires = "2031-01-31T11:00:00Z"\nrate = "off"\n'
    )
    at = datetime(2031, 1, 31, 11, tzinfo=UTC).timestamp()
    assert read_tokens(path) == (
        ServiceToken(
            "match-maker.2", token_digest("one"), frozenset({Scope.READ, Scope.PLAY}), at, Rate(500, 1000)
        ),
        ServiceToken("Shop", bytes(32), frozenset({Scope.GRANT}), at, None, unlimited=True),
    )
    path.write_text("")
    assert read_tokens(path) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tokens = 1", "tokens: there is no such key"),
        ("token = 1", "token: expected up to 1000 tables"),
        ("token = [1]", "token 1: Expected `object`"),
        ("[[token]", "Expected"),
        ("[[token]]\n" + GOOD.replace('"a"', '"service"'), "token 1: name: expected"),
        ("[[token]]\n" + GOOD.replace('"a"', '"player:x"'), "token 1: name: expected"),
        ("[[token]]\n" + GOOD.replace('"a"', '""'), "token 1: name: expected"),
        ("[[token]]\n" + GOOD.replace('"a"', f'"{"a" * 65}"'), "token 1: name: expected"),
        ("[[token]]\n" + GOOD.replace(HASH, HASH[:-1]), "token 1 (a): sha256: expected 64"),
        ("[[token]]\n" + GOOD.replace(HASH, HASH.upper()), "token 1 (a): sha256: expected 64"),
        ("[[token]]\n" + GOOD.replace('["read"]', "[]"), "token 1 (a): scopes: expected some of read, play"),
        ("[[token]]\n" + GOOD.replace('["read"]', '["read", "read"]'), "token 1 (a): scopes: expected"),
        ("[[token]]\n" + GOOD.replace('["read"]', '["admin"]'), "token 1 (a): scopes[0]: Invalid enum value"),
        ("[[token]]\n" + GOOD.replace('["read"]', '"read"'), "token 1 (a): scopes: Expected `array`"),
        ("[[token]]\n" + GOOD + 'expires = "soon"', "token 1 (a): expires: Invalid RFC3339"),
        (
            "[[token]]\n" + GOOD + "expires = 2031-01-31T00:00:00",
            "token 1 (a): expires: a time needs its zone",
        ),
        ("[[token]]\n" + GOOD + "expires = 2031-01-31", "token 1 (a): expires: Expected `datetime"),
        ("[[token]]\n" + GOOD + 'rate = "fast"', "token 1 (a): rate: expected off, or a rate"),
        ("[[token]]\n" + GOOD + "surprise = 1", "token 1 (a): Object contains unknown field `surprise`"),
        ("[[token]]\n" + GOOD.replace(f'sha256 = "{HASH}"', ""), "missing required field `sha256`"),
        ("[[token]]\n" + GOOD.replace("sha256", "token"), "token 1 (a): "),
        (
            f"[[token]]\n{GOOD}[[token]]\n{GOOD}".replace('"a"', '"b"', 1),
            "token 2 (a): sha256: it is that of b",
        ),
        (
            f"[[token]]\n{GOOD}[[token]]\n{GOOD.replace(HASH, '0' * 64)}",
            "token 2 (a): name: another entry has it already",
        ),
    ],
)
def test_what_is_wrong_is_told_by_entry_and_field(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    with pytest.raises(TokenFileError) as refused:
        read_tokens(path)
    assert words in str(refused.value)
    assert all(line.startswith(f"{path}: ") for line in refused.value.errors)
    with pytest.raises(SettingsError, match="HAVERSACK_TOKENS: "):
        read_credentials(Settings(token=TOKEN, tokens=path))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(f'[[token]]\nname = ""\nsha256 = ""\nscopes = []\nrate = "x"\n[[token]]\n{GOOD}\nx = 1\n')
    with pytest.raises(TokenFileError) as refused:
        read_tokens(path)
    assert len(refused.value.errors) == 5


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    for make, words in (
        (lambda: None, "No such file"),
        (path.mkdir, "Is a directory"),
        (lambda: (path.rmdir(), os.mkfifo(path)), "is not a file"),
        (lambda: (path.unlink(), path.write_bytes(b"\xff")), "decode"),
        (lambda: path.write_bytes(b"#" * (1 << 20) + b"#"), "larger than"),
        (lambda: (path.write_text(""), path.chmod(0o666)), "written by everybody"),
    ):
        make()
        with pytest.raises(TokenFileError, match=words):
            read_tokens(path)


def test_the_token_that_may_everything_has_no_second_entry(tmp_path: Path) -> None:
    path = write(tmp_path / "tokens.toml", entry("a", TOKEN, "read"))
    with pytest.raises(SettingsError, match="has the token of HAVERSACK_TOKEN"):
        read_credentials(Settings(token=TOKEN, tokens=path))


def test_a_rotation(tmp_path: Path) -> None:
    """The new one is let in beside the old, then the old one is not, and the third never notices."""
    path = tmp_path / "tokens.toml"
    settings = Settings(tokens=write(path, entry("old", "1", "read"), entry("third", "3", "play", "grant")))
    auth = BearerAuth(read_credentials(settings), settings)
    third, old = let_in(auth, "3"), let_in(auth, "1")
    assert third is not None and old is not None and let_in(auth, "2") is None
    write(path, entry("old", "1", "read"), entry("new", "2", "read"), entry("third", "3", "play", "grant"))
    auth.replace(read_credentials(settings))
    assert let_in(auth, "1") is old and let_in(auth, "2") is not None
    write(path, entry("new", "2", "read"), entry("third", "3", "play", "grant"))
    auth.replace(read_credentials(settings))
    assert let_in(auth, "1") is None and not old.holds()
    assert let_in(auth, "3") is third and third.holds()
    # Other scopes are another right, also for what is open.
    write(path, entry("third", "3", "read"))
    auth.replace(read_credentials(settings))
    again = let_in(auth, "3")
    assert again is not None and again.scopes == {Scope.READ} and not third.holds()


def test_a_token_that_has_expired(tmp_path: Path) -> None:
    path = write(tmp_path / "tokens.toml", entry("a", "1", "read", more="expires = 2020-01-01T00:00:00Z"))
    settings = Settings(tokens=path)
    with pytest.raises(Problem) as refused:
        BearerAuth(read_credentials(settings), settings).identify(request("1"))
    assert "it has expired" in refused.value.detail


def test_a_wrong_token_costs_the_same_however_near_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many digests are made and compared for one that is right but for its last character."""
    tokens = [f"{name}-0123456789abcdef" for name in "abcde"]
    entries = [entry(token[0], token, "read") for token in tokens]
    settings = Settings(token=TOKEN, tokens=write(tmp_path / "tokens.toml", *entries))
    auth = BearerAuth(read_credentials(settings), settings)
    work: list[str] = []
    compare, digest = auth_module.compare_digest, auth_module.token_digest

    def compared(known: bytes, given: bytes) -> bool:
        assert len(known) == len(given) == 32
        work.append("compare")
        return compare(known, given)

    def digested(token: str) -> bytes:
        work.append("digest")
        return digest(token)

    monkeypatch.setattr(auth_module, "compare_digest", compared)
    monkeypatch.setattr(auth_module, "token_digest", digested)
    seen = set()
    for token in (*tokens, TOKEN):
        for length in range(len(token)):
            work.clear()
            assert let_in(auth, token[:length] + "~" + token[length + 1 :]) is None
            seen.add(tuple(work))
    assert seen == {("digest", *["compare"] * 6)}
    # Nor does a right one tell, the first time, which of them it is.
    for token in (*tokens, TOKEN):
        work.clear()
        assert let_in(auth, token) is not None
        assert tuple(work) in seen


def test_nobody_knows_the_digests_that_tokens_are_remembered_by(tmp_path: Path) -> None:
    settings = Settings(token=TOKEN)
    remembered = []
    for _ in range(2):
        auth = BearerAuth(read_credentials(settings), settings)
        let_in(auth, TOKEN)
        remembered += auth._known
        assert TOKEN not in str(vars(auth)) and token_digest(TOKEN) not in auth._known
    assert len(set(remembered)) == 2
