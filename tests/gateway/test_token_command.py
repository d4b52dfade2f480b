"""`haversack token make` and `token player`."""

import re
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway import cli
from gateway.auth.credentials import token_digest
from gateway.auth.player_keys import read_keys
from gateway.auth.player_tokens import PlayerTokens
from gateway.auth.token_file import read_tokens
from gateway.configuration.kinds import valid_token
from gateway.configuration.player_key_texts import key_texts
from gateway.configuration.settings import Settings
from gateway.http.operation import Scope
from tests.gateway.standin import CHAR_ID
from tests.gateway.tokens import SECRET, ed25519_pair

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    try:
        status = cli.main(["token", *arguments])
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        status = ended.code
    said = capsys.readouterr()
    return status, said.out, said.err


def test_made_tokens_go_into_the_file_by_their_hashes(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "tokens.toml"
    status, entry, told = run(capsys, "make", "shop", "--scope", "grant", "--scope", "play", "--days", "30")
    assert status == 0
    token = told.split()[-1]
    assert valid_token(token) and re.fullmatch(r"hvs_[\w-]{43}", token) and token not in entry
    _, second, other = run(capsys, "make", "bot", "--scope", "read", "--scope", "read")
    path.write_text(entry + second)
    shop, bot = read_tokens(path)
    assert (shop.name, shop.digest) == ("shop", token_digest(token))
    assert shop.scopes == {Scope.GRANT, Scope.PLAY}
    assert shop.expires_at is not None and abs(shop.expires_at - time.time() - 30 * 86_400) < 60
    assert (bot.scopes, bot.expires_at) == ({Scope.READ}, None)
    assert other.split()[-1] != token


@pytest.mark.parametrize(
    "arguments",
    [
        ["make", "shop"],
        ["make", "service", "--scope", "read"],
        ["make", 'a"b', "--scope", "read"],
        ["make", "shop", "--scope", "admin"],
        ["make", "shop", "--scope", "read", "--days", "0"],
        ["make", "shop", "--scope", "read", "--days", "99999"],
        ["make", "shop", "--scope", "read", "--days", "1_0"],
    ],
)
def test_nothing_is_made_of_nonsense(capsys: Capture, arguments: list[str]) -> None:
    status, out, told = run(capsys, *arguments)
    assert (status, out) == (2, "") and "hvs_" not in told


def test_a_characters_token(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAVERSACK_PLAYER_KEY", SECRET)
    monkeypatch.setenv("HAVERSACK_PLAYER_AUDIENCE", "realm-2")
    status, out, _ = run(capsys, "player", CHAR_ID.upper(), "--minutes", "5", "--scope", "read")
    assert status == 0
    read = jwt.decode(out.strip(), SECRET, algorithms=["HS256"], audience="realm-2")
    assert (read["sub"], read["scope"], read["exp"] - read["iat"]) == (CHAR_ID, "read", 300)
    _, out, _ = run(capsys, "player", CHAR_ID)
    read = jwt.decode(out.strip(), SECRET, algorithms=["HS256"], audience="realm-2")
    assert (read["scope"], read["exp"] - read["iat"]) == ("read play", 900)


def test_what_keeps_it_from_signing(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAVERSACK_PLAYER_KEY", raising=False)
    status, _, told = run(capsys, "player", "hedda", "--minutes", "61")
    assert status == 2
    for words in (
        "HAVERSACK_PLAYER_KEY: is not set",
        "--minutes: HAVERSACK_PLAYER_TOKEN_MAX_S",
        "ID: expected",
    ):
        assert words in told
    (tmp_path / "public.pem").write_bytes(ed25519_pair().public)
    monkeypatch.setenv("HAVERSACK_PLAYER_KEY", str(tmp_path / "public.pem"))
    status, _, told = run(capsys, "player", CHAR_ID)
    assert status == 2 and "signed where its private key is" in told


def test_the_example_of_signing_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/operations.md gives to a studio's own service."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    example = text.partition("### Characters' tokens\n")[2].partition("```python\n")[2].partition("```")[0]
    pair = ed25519_pair()
    (tmp_path / "player-private.pem").write_bytes(pair.private_pem)
    (tmp_path / "player.pem").write_bytes(pair.public)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(example, names)
    settings = Settings(player_key="./player.pem")
    tokens = PlayerTokens(
        read_keys(key_texts("./player.pem")),
        audience=settings.player_audience,
        lifetime_max_s=settings.player_token_max_s,
    )
    assert tokens.verified(names["token_for"](CHAR_ID)).char_id == CHAR_ID
