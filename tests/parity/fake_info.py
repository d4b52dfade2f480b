"""INFO for fakeredis, which has all else that the library asks of a server."""

from typing import Any

from fakeredis._commands import SUPPORTED_COMMANDS, command
from fakeredis.commands_mixins.server_mixin import ServerCommandsMixin

_INFO = b"run_id:0123456789abcdef\r\nmaster_replid:fedcba9876543210\r\n"


def teach_info() -> None:
    """Make fakeredis answer INFO as a node that never restarts; once is enough."""
    if "info" not in SUPPORTED_COMMANDS:
        ServerCommandsMixin.info = command((), (bytes,))(info)


def info(self: Any, *sections: bytes) -> bytes:
    return _INFO
