"""The keys that characters' tokens are verified by, `HAVERSACK_PLAYER_KEY`.

What a key is decides by which algorithm tokens are verified with it, so no token can choose.
"""

import hashlib
from pathlib import Path
from typing import Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.auth.small_files import read_small
from gateway.configuration.player_key_texts import is_path, is_secret_of_file
from gateway.http.identity import Trust

HS256: Final = "HS256"
RSA_BITS_MIN: Final = 2_048

Material = bytes | Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


class PlayerKey:
    """A key with its algorithm. ``trust`` is revoked when the key is in use no more."""

    __slots__ = ("algorithm", "fingerprint", "material", "trust")

    def __init__(self, algorithm: str, material: Material, fingerprint: bytes) -> None:
        """``fingerprint`` tells keys apart."""
        self.algorithm = algorithm
        self.material = material
        self.fingerprint = fingerprint
        self.trust = Trust()


def read_keys(texts: tuple[str, ...]) -> tuple[PlayerKey, ...]:
    """The keys. Raises ``ValueError`` for one that cannot be used, which says nothing of its content."""
    return tuple(_of_file(Path(text)) if is_path(text) else _of_secret(text) for text in texts)


def _of_file(path: Path) -> PlayerKey:
    data = read_small(path)
    try:
        if b"-----BEGIN " in data:
            return _of_pem(data)
        # A mounted secret is often followed by a line's end.
        text = data.decode("ascii", "replace").strip()
        if not is_secret_of_file(text):
            raise ValueError("expected a public key in PEM, or a secret of 32 to 512 printable characters")
        return _of_secret(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _of_secret(text: str) -> PlayerKey:
    material = text.encode()
    try:
        jwt.encode({}, material, HS256)
    except jwt.InvalidKeyError:
        raise ValueError("the secret has the form of a key of another kind") from None
    return PlayerKey(HS256, material, hashlib.sha256(material).digest())


def _of_pem(data: bytes) -> PlayerKey:
    if b"PRIVATE KEY" in data:
        raise ValueError("is a private key, which belongs where tokens are signed; the public one is needed")
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is not a public key in PEM") from None
    plain = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = hashlib.sha256(plain).digest()
    if isinstance(key, Ed25519PublicKey):
        return PlayerKey("EdDSA", key, fingerprint)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return PlayerKey("ES256", key, fingerprint)
    if isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        return PlayerKey("RS256", key, fingerprint)
    raise ValueError(f"expected a key of Ed25519, of P-256, or of RSA with {RSA_BITS_MIN} bits or more")
