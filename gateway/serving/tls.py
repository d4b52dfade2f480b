"""TLS of the listener, with a certificate that may be renewed while it serves."""

import ssl
from pathlib import Path
from typing import NoReturn

from gateway.configuration.settings import Settings, SettingsError


class ServerCertificate:
    """The certificate chain and its key, as their files were when they were last read."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Read both. Raises ``SettingsError`` for files that cannot be used, or do not belong together."""
        self.files = (cert, key)
        self._newest = self._read()
        # What listens keeps one context for good. It hands each handshake over to the newest, so
        # that a renewal is either not seen at all, or seen with chain and key together.
        self.context = self._read()
        self.context.sni_callback = self._hand_over

    def reload(self) -> None:
        """Read both again, for the handshakes from now on. Raises ``SettingsError``, and changes nothing."""
        self._newest = self._read()

    def _hand_over(self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        handshake.context = self._newest

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        cert, key = self.files
        try:
            context.load_cert_chain(cert, key, password=_refuse_password)
        except (OSError, ValueError) as error:
            # An ``SSLError`` is an ``OSError``, too.
            raise SettingsError([f"HAVERSACK_TLS_CERT, HAVERSACK_TLS_KEY: {_words(error)}"]) from error
        return context


def certificate_of(settings: Settings) -> ServerCertificate | None:
    """The certificate to serve with, None for none. Raises ``SettingsError``."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return ServerCertificate(settings.tls_cert, settings.tls_key)


def _refuse_password() -> NoReturn:
    # Without this, OpenSSL would ask for it at the terminal.
    raise ValueError("the key must not be encrypted")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not a certificate chain in PEM and its key ({error.reason or 'not understood'})"
    if isinstance(error, OSError):
        return f"{error.strerror}"
    return str(error)
