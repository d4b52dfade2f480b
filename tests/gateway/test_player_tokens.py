"""Characters' tokens: what is believed, and every known way to have more believed than was signed."""

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.auth.bearer import BearerAuth
from gateway.auth.credentials import Credentials, read_credentials
from gateway.auth.player_keys import read_keys
from gateway.auth.player_tokens import InvalidPlayerToken, PlayerTokens
from gateway.configuration.settings import Settings, SettingsError
from gateway.http.identity import Identity
from gateway.http.operation import Scope
from gateway.http.problems import Problem
from tests.gateway.standin import CHAR_ID, TOKEN
from tests.gateway.tokens import (
    AUDIENCE,
    SECRET,
    KeyPair,
    bearer,
    claims,
    ed25519_pair,
    p256_pair,
    player,
    rsa_pair,
    signed,
)

OTHER_SECRET = "another-secret-of-the-tests-long-enough"
ED25519, P256, RSA = ed25519_pair(), p256_pair(), rsa_pair()
PAIRS = [ED25519, P256, RSA]


def tokens_by(*keys: str) -> PlayerTokens:
    return PlayerTokens(read_keys(keys), audience=AUDIENCE, lifetime_max_s=3600)


BY_SECRET = tokens_by(SECRET)


def by_public_key(tmp_path: Path, *pairs: KeyPair) -> PlayerTokens:
    paths = []
    for number, pair in enumerate(pairs):
        paths.append(tmp_path / f"{number}.pem")
        paths[-1].write_bytes(pair.public)
    return tokens_by(*map(str, paths))


def request(token: str) -> web.Request:
    return make_mocked_request("GET", "/", headers=bearer(token))


def auth_by(key: str) -> BearerAuth:
    settings = Settings(token=TOKEN, player_key=key)
    return BearerAuth(read_credentials(settings), settings)


def reason(error: pytest.ExceptionInfo[InvalidPlayerToken]) -> str:
    return error.value.reason


def test_a_good_token() -> None:
    identity = BY_SECRET.verified(player(CHAR_ID.upper(), exp=int(time.time()) + 60))
    assert (identity.name, identity.char_id) == (f"player:{CHAR_ID}", CHAR_ID)
    assert identity.scopes == {Scope.READ, Scope.PLAY}
    assert identity.expires_at is not None and 60 <= identity.expires_at - time.time() <= 75
    assert BY_SECRET.verified(player(scope="read")).scopes == {Scope.READ}
    assert BY_SECRET.verified(player(scope="play read")).scopes == {Scope.READ, Scope.PLAY}
    # What a studio adds for itself is not our business.
    assert BY_SECRET.verified(player(iss="studio", jti=1, aud=[AUDIENCE], guild=["x"])).char_id == CHAR_ID
    fractions: dict[str, Any] = {"iat": time.time() - 1.5, "exp": time.time() + 30.5}
    assert BY_SECRET.verified(player(**fractions)).char_id == CHAR_ID


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.algorithm)
def test_public_keys(tmp_path: Path, pair: KeyPair) -> None:
    tokens = by_public_key(tmp_path, pair)
    assert [key.algorithm for key in tokens.keys] == [pair.algorithm]
    assert tokens.verified(pair.token()).char_id == CHAR_ID
    with pytest.raises(InvalidPlayerToken) as refused:
        tokens.verified(KeyPair(pair.algorithm, type_of(pair)).token())
    assert reason(refused) == ""


def type_of(pair: KeyPair) -> Any:
    return {"EdDSA": ed25519_pair, "ES256": p256_pair, "RS256": rsa_pair}[pair.algorithm]().private


def test_two_keys_for_a_rotation(tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_bytes(ED25519.public)
    tokens = tokens_by(SECRET, str(tmp_path / "public.pem"))
    assert tokens.verified(player()).char_id == tokens.verified(ED25519.token()).char_id == CHAR_ID
    both = tokens_by(SECRET, OTHER_SECRET)
    assert both.verified(signed(claims(), OTHER_SECRET)).char_id == CHAR_ID
    with pytest.raises(InvalidPlayerToken):
        both.verified(signed(claims(), "a-third-secret-of-the-tests-long-enough"))


def unsigned(payload: dict[str, Any], header: dict[str, Any], signature: bytes = b"") -> str:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    return ".".join((part(json.dumps(header).encode()), part(json.dumps(payload).encode()), part(signature)))


def raw_hs256(payload: dict[str, Any], key: bytes, **header: Any) -> str:
    """As an attacker would, whose library refuses nothing."""
    body = unsigned(payload, {"alg": "HS256", **header}).rpartition(".")[0]
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(body.encode(), key)).rstrip(b"=").decode()
    return f"{body}.{signature}"


def swapped(token: str, **others: Any) -> str:
    """Another payload under the signature of a good token."""
    head, _, signature = token.split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(**others)).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


FORGED = {
    "alg none": unsigned(claims(), {"alg": "none"}),
    "alg None": unsigned(claims(), {"alg": "None", "typ": "JWT"}),
    "alg nOnE with a signature": unsigned(claims(), {"alg": "nOnE"}, b"x" * 32),
    "alg empty": unsigned(claims(), {"alg": ""}),
    "alg null": unsigned(claims(), {"alg": None}),
    "alg a number": unsigned(claims(), {"alg": 256}),
    "alg a list": unsigned(claims(), {"alg": ["HS256"]}),
    "no alg": unsigned(claims(), {"typ": "JWT"}),
    "no signature": player().rpartition(".")[0] + ".",
    "a signature cut short": player()[:-2],
    "another secret": signed(claims(), OTHER_SECRET),
    "an empty secret": raw_hs256(claims(), b""),
    "kid of an empty file": raw_hs256(claims(), b"", kid="../../../../dev/null"),
    "kid of nobody": signed(claims(), OTHER_SECRET, kid="unheard-of"),
    "kid with SQL": signed(claims(), OTHER_SECRET, kid="' UNION SELECT 'x"),
    "kid a number": raw_hs256(claims(), SECRET.encode(), kid=7),
    "jku": signed(claims(), OTHER_SECRET, jku="https://example.com/keys"),
    "jwk in the header": raw_hs256(claims(), OTHER_SECRET.encode(), jwk={"kty": "oct", "k": "YQ"}),
    "x5u": signed(claims(), OTHER_SECRET, x5u="https://example.com/cert"),
    "HS512 by the right secret": signed(claims(), SECRET, "HS512"),
    "HS384 by the right secret": signed(claims(), SECRET, "HS384"),
    "EdDSA by somebody": ED25519.token(),
    "another payload": swapped(player(), sub="9" * 8 + CHAR_ID[8:]),
    "crit that nobody knows": raw_hs256(claims(), SECRET.encode(), crit=["x"], x=1),
    "b64 off": raw_hs256(claims(), SECRET.encode(), b64=False, crit=["b64"]),
    "header no object": ".".join(("W10", *player().split(".")[1:])),
    "payload no object": raw_hs256(cast(Any, [1]), SECRET.encode()),
    "payload no JSON": "eyJhbGciOiJIUzI1NiJ9.eA.eA",
    "exp NaN": raw_hs256(claims(exp=float("nan")), SECRET.encode()),
    "exp infinite": raw_hs256(claims(exp=float("inf")), SECRET.encode()),
    "exp beyond all": raw_hs256(claims(exp=10**400), SECRET.encode()),
    "iat NaN": raw_hs256(claims(iat=float("nan")), SECRET.encode()),
    "only dots": "..",
    "spaces": "a b.c d.e f",
    "padding": player() + "====",
}


@pytest.mark.parametrize("what", FORGED)
def test_forged(what: str) -> None:
    """Nothing is told but that the token is wrong; what a header says of keys counts for nothing."""
    with pytest.raises(InvalidPlayerToken):
        BY_SECRET.verified(FORGED[what])


def test_an_unknown_kid_on_a_good_token_counts_for_nothing() -> None:
    assert BY_SECRET.verified(signed(claims(), SECRET, kid="unheard-of")).char_id == CHAR_ID


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.algorithm)
@pytest.mark.parametrize("with_secret", [False, True])
def test_a_public_key_is_no_secret(tmp_path: Path, pair: KeyPair, *, with_secret: bool) -> None:
    """HS256 with what everybody may know, in every form of it, and any other algorithm of the same key."""
    tokens = by_public_key(tmp_path, pair)
    if with_secret:
        tokens = tokens_by(str(tmp_path / "0.pem"), SECRET)
    for key in (
        pair.public,
        pair.public.strip(),
        pair.public.replace(b"\n", b""),
        tokens.keys[0].fingerprint,
    ):
        for alg in ("HS256", pair.algorithm, "none"):
            with pytest.raises(InvalidPlayerToken) as refused:
                tokens.verified(raw_hs256(claims(), key, alg=alg))
            assert reason(refused) == ""
    if pair is RSA:
        for alg in ("PS256", "RS512"):
            with pytest.raises(InvalidPlayerToken):
                tokens.verified(signed(claims(), RSA.private, alg))


def bad_claims(now: int) -> dict[str, dict[str, Any]]:
    """What is wrong with each, by words of what its caller is told; ``now`` in Unix seconds."""
    return {
        "it has expired": {"iat": now - 100, "exp": now - 11},
        "iat or nbf is in the future": {"iat": now + 120, "exp": now + 300},
        "its iat or nbf is in the future": {"nbf": now + 120},
        "aud is not haversack": {"aud": "another-service"},
        "its aud is not haversack": {"aud": ["x", "y"]},
        "it has no exp": {"exp": None},
        "it has no iat": {"iat": None},
        "it has no sub": {"sub": None},
        "it has no aud": {"aud": None},
        "a claim is of a wrong type: Expected `str`": {"sub": 7},
        "by 3600 s at most": {"exp": now + 3_700},
        "exp has to be after iat": {"iat": now + 5, "exp": now + 5},
        "not a character's UUID": {"sub": "hedda"},
        "is not a character's UUID": {"sub": CHAR_ID + "0"},
        "its sub is not a character's UUID": {"sub": ""},
        "wrong type": {"aud": [AUDIENCE, "another-service"]},
        "of a wrong type": {"scope": ["read"]},
        "a claim is of a wrong type": {"iat": True},
        "its scope may be read, play": {"scope": "grant"},
        "its scope may be read, play, or both": {"scope": "read play grant"},
        "scope may be": {"scope": ""},
        "its scope may be": {"scope": "operate"},
        "scope may be read": {"scope": "read  play"},
    }


@pytest.mark.parametrize("words", bad_claims(0))
def test_signed_and_refused(words: str) -> None:
    """Who signed it may know why."""
    with pytest.raises(InvalidPlayerToken) as refused:
        BY_SECRET.verified(player(**bad_claims(int(time.time()))[words]))
    assert words in reason(refused)


@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("kind", [str, lambda number: [number], lambda number: {"at": number}])
def test_times_are_numbers(name: str, kind: Any) -> None:
    """The library takes a text of digits for one."""
    with pytest.raises(InvalidPlayerToken):
        BY_SECRET.verified(player(**{name: kind(claims()[name])}))


def test_clocks_may_be_ten_seconds_apart() -> None:
    assert BY_SECRET.verified(player(iat=int(time.time()) + 5)).char_id == CHAR_ID
    assert BY_SECRET.verified(player(exp=int(time.time()) - 5, iat=int(time.time()) - 100)).char_id == CHAR_ID


@given(
    st.text(alphabet="abcXYZ019-_.=", max_size=60) | st.binary(max_size=80).map(lambda b: b.decode("latin-1"))
)
def test_rubbish_is_refused_and_breaks_nothing(text: str) -> None:
    good = player()
    for token in (
        text,
        f"{text}.{text}.{text}",
        good.replace(".", f".{text}", 1),
        good + text if text else "",
    ):
        try:
            found = BY_SECRET.verified(token)
        except InvalidPlayerToken:
            continue
        assert token.rstrip("=") == good and found.char_id == CHAR_ID


def test_a_huge_token_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = auth_by(SECRET)

    def never(_: PlayerTokens, token: str) -> Identity:
        raise AssertionError(f"{len(token)} characters were verified")

    monkeypatch.setattr(PlayerTokens, "verified", never)
    with pytest.raises(Problem, match="UNAUTHENTICATED"):
        auth.identify(request(player(more="x" * 4_096)))
    with pytest.raises(AssertionError, match="were verified"):
        auth.identify(request(player()))


@pytest.mark.parametrize("strange", ["\udcff", "é", "\udcc3\udca9"])
def test_what_is_not_ascii_is_a_wrong_token(strange: str) -> None:
    """As headers come that are no UTF-8, too."""
    auth, good = auth_by(SECRET), player()
    for token in (f"{strange}.a.b", f"{good}{strange}", good.replace(".", f"{strange}.", 1)):
        with pytest.raises(Problem, match="UNAUTHENTICATED"):
            auth.identify(cast(Any, SimpleNamespace(headers=CIMultiDict(bearer(token)))))


def test_a_verified_token_is_remembered_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    auth, token = auth_by(SECRET), player()
    calls: list[str] = []
    verified = PlayerTokens.verified

    def counted(tokens: PlayerTokens, token: str) -> Identity:
        calls.append(token)
        return verified(tokens, token)

    monkeypatch.setattr(PlayerTokens, "verified", counted)
    first = auth.identify(request(token))
    assert auth.identify(request(token)) is first and calls == [token]
    later = time.time() + 900
    monkeypatch.setattr("gateway.auth.bearer.time", SimpleNamespace(time=lambda: later + 9))
    assert auth.identify(request(token)) is first
    monkeypatch.setattr("gateway.auth.bearer.time", SimpleNamespace(time=lambda: later + 12))
    with pytest.raises(Problem) as refused:
        auth.identify(request(token))
    assert "it has expired" in refused.value.detail
    assert not auth._known


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.auth.bearer.KNOWN_MAX", 5)
    auth = auth_by(SECRET)
    for number in range(20):
        auth.identify(request(player(jti=str(number))))
        auth.identify(request(TOKEN))
    assert len(auth._known) <= 5
    # Spellings of the scheme are not tokens of their own.
    before = len(auth._known)
    for spelling in ("bearer", "BEARER ", "Bearer    "):
        headers = {"Authorization": f"{spelling} {TOKEN}"}
        auth.identify(make_mocked_request("GET", "/", headers=headers))
    assert len(auth._known) == before


def test_a_key_that_is_gone_is_believed_no_more() -> None:
    auth, token = auth_by(f"{SECRET},{OTHER_SECRET}"), player()
    identity = auth.identify(request(token))
    other = auth.identify(request(signed(claims(), OTHER_SECRET)))
    auth.replace(Credentials((), read_keys((OTHER_SECRET,))))
    assert not identity.holds(), "nor what was opened with it"
    assert other.holds()
    with pytest.raises(Problem):
        auth.identify(request(token))


def test_without_a_key_no_jwt_is_believed() -> None:
    settings = Settings(token=TOKEN)
    with pytest.raises(Problem):
        BearerAuth(read_credentials(settings), settings).identify(request(player()))


def test_keys_that_are_refused(tmp_path: Path) -> None:
    """By their paths, and never by what is in them."""
    p384 = KeyPair("ES384", ec.generate_private_key(ec.SECP384R1()))
    contents = {
        "is a private key": ED25519.private_pem,
        "a private key": ED25519.private_pem + ED25519.public,
        "is not a public key": b"-----BEGIN PUBLIC KEY-----\nhunter2\n-----END PUBLIC KEY-----\n",
        "of P-256": p384.public,
        "RSA with 2048 bits": rsa_pair(1024).public,
        "expected a public key in PEM": b"hunter2",
        "or a secret of 32": b"hunter2 " * 10,
        "a key of another kind": b'{"kty":"oct","k":"hunter2hunter2hunter2"}',
    }
    for words, content in contents.items():
        path = tmp_path / "key"
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=words) as refused:
            read_credentials(Settings(token=TOKEN, player_key=str(path)))
        assert refused.value.errors[0].startswith(f"HAVERSACK_PLAYER_KEY: {path}: ")
        assert "hunter2" not in str(refused.value)
    with pytest.raises(SettingsError, match="No such file"):
        read_credentials(Settings(token=TOKEN, player_key=str(tmp_path / "absent")))


def test_a_secret_in_a_file(tmp_path: Path) -> None:
    secret = "with/slashes,and-commas-as-base64-may-have=="
    (tmp_path / "secret").write_text(secret + "\n")
    assert tokens_by(str(tmp_path / "secret")).verified(signed(claims(), secret)).char_id == CHAR_ID
