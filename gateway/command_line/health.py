"""``haversack health``: whether the service of these settings answers, told by the exit status."""

import argparse
import http.client
import ipaddress
import ssl
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.command_line.saying import say
from gateway.configuration.settings import Settings, SettingsError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

HEALTHY, UNHEALTHY = 0, 1
# What is not ready is told within five seconds.
TIMEOUT_S: Final = 6.0


class _Refused(msgspec.Struct):
    """What a problem says that is not ready."""

    params: dict[str, str] = {}


def add_health_command(commands: "Subparsers") -> None:
    """Add ``health``; its ``run`` answers the exit status: 1 where the service does not answer well."""
    asking = commands.add_parser("health", help="ask the service of these settings whether it is well")
    asking.add_argument("--ready", action="store_true", help="whether its servers answer it, too")
    asking.add_argument("--host", help="address that it listens on (HAVERSACK_HOST, 127.0.0.1)")
    asking.add_argument("--port", help="port that it listens on (HAVERSACK_PORT, 8080)")
    asking.set_defaults(run=_health)


def _health(settings: Settings, arguments: argparse.Namespace) -> int:
    if settings.port == 0:
        raise SettingsError(["HAVERSACK_PORT: 0 is any port, and does not say which"])
    connection = _connection(settings)
    try:
        connection.request("GET", "/readyz" if arguments.ready else "/healthz")
        reply = connection.getresponse()
        status, body = reply.status, reply.read()
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"haversack: {_address(settings)}, port {settings.port}: no answer: {error!r}\n")
        return UNHEALTHY
    finally:
        connection.close()
    if status == http.client.OK:
        say("ok")
        return HEALTHY
    sys.stderr.write(f"haversack: {status}{_missing(body)}\n")
    return UNHEALTHY


def _connection(settings: Settings) -> http.client.HTTPConnection:
    if settings.tls_cert is None:
        return http.client.HTTPConnection(_address(settings), settings.port, timeout=TIMEOUT_S)
    # The certificate is for the name that callers use, not for this address; nothing secret is sent or read.
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(_address(settings), settings.port, timeout=TIMEOUT_S, context=anybody)


def _address(settings: Settings) -> str:
    """Where to ask: who listens on every address of a kind does so on its loopback."""
    try:
        address = ipaddress.ip_address(settings.host)
    except ValueError:
        return settings.host
    if not address.is_unspecified:
        return settings.host
    return "127.0.0.1" if address.version == 4 else "::1"


def _missing(body: bytes) -> str:
    try:
        params = msgspec.json.decode(body, type=_Refused).params
    except msgspec.MsgspecError:
        return ""
    return "".join(f", {name}: {result}" for name, result in params.items() if result != "ok")
