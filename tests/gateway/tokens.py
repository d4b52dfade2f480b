"""Tokens of every kind: files of service tokens, keys, and characters' tokens signed with them."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.auth.credentials import token_digest
from tests.gateway.standin import CHAR_ID

SECRET = "a-secret-of-the-tests-that-is-long-enough-for-HS512-and-all-others"
AUDIENCE = "haversack"


def entry(name: str, token: str, *scopes: str, more: str = "") -> str:
    """An entry of the token file."""
    listed = ", ".join(f'"{scope}"' for scope in scopes)
    return (
        f'[[token]]\nname = "{name}"\nsha256 = "{token_digest(token).hex()}"\nscopes = [{listed}]\n{more}\n'
    )


def write(path: Path, *entries: str) -> Path:
    """The file, replaced whole, as whoever deploys it should."""
    beside = path.with_suffix(".new")
    beside.write_text("\n".join(entries))
    return beside.replace(path)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def claims(**others: Any) -> dict[str, Any]:
    """Good ones for fifteen minutes; None leaves a claim out."""
    now = int(time.time())
    usual = {"sub": CHAR_ID, "aud": AUDIENCE, "iat": now, "exp": now + 900}
    return {name: value for name, value in (usual | others).items() if value is not None}


def signed(payload: Mapping[str, Any], key: Any = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(dict(payload), key, algorithm, headers=headers or None)


def player(char_id: str = CHAR_ID, **others: Any) -> str:
    """A character's token, good unless ``others`` say otherwise."""
    return signed(claims(**{"sub": char_id} | others))


class KeyPair:
    """A private key, and its public one as PEM."""

    def __init__(self, algorithm: str, private: Any) -> None:
        self.algorithm, self.private = algorithm, private
        self.public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def private_pem(self) -> bytes:
        return bytes(
            self.private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def token(self, **others: Any) -> str:
        return signed(claims(**others), self.private, self.algorithm)


def ed25519_pair() -> KeyPair:
    return KeyPair("EdDSA", ed25519.Ed25519PrivateKey.generate())


def p256_pair() -> KeyPair:
    return KeyPair("ES256", ec.generate_private_key(ec.SECP256R1()))


def rsa_pair(bits: int = 2048) -> KeyPair:
    return KeyPair("RS256", rsa.generate_private_key(65537, bits))
