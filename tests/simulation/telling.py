"""Commands and replies in a line of a trace."""

import re
from collections.abc import Sequence

from persistence.link.redis_link import Argument


def named(command: Sequence[Argument]) -> str:
    """What a command is called."""
    return str(command[1]).rpartition("_")[0] if command[0] == "FCALL" else str(command[0])


def said(name: str, args: Sequence[Argument]) -> str:
    """What is worth telling of a call's arguments."""
    if name == "session_execute":
        return f"{short(args[1])} if {args[4]!s} {short(args[8])}"
    if name == "session_commit":
        return f"{short(args[1])} at {args[7]!s} {short(args[8])}"
    return " ".join(short(part) for part in args[:6])


def short(value: object) -> str:
    """A value in a few words."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, list):
        return "[" + " ".join(short(part) for part in value) + "]"
    text = str(value)
    if text.startswith('"at":'):
        found = re.search(r'"request_id":"([^"]*)","op_id":"([^"]*)"', text)
        return f"{found[1]} op {found[2] or '-'}" if found else text
    return text if len(text) <= 60 else text[:57] + "..."
