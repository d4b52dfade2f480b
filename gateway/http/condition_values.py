"""The values of conditions on a command, wherever they stand: in a header, or in a field of a body."""

import re

from gateway.http.identity import PLAYER_PREFIX
from gateway.http.problems import invalid

# A header loses the spaces at its ends; an id that kept them in a body would be another one there.
_ID = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?")
_TAG = re.compile(r'("?)([0-9]{1,19}\.[0-9]{1,19})(?:\+[0-9]{1,19})?\1')


def id_of(value: str, path: str) -> str:
    """An id of the caller's making: 1 to 128 printable ASCII characters, no space at either end.

    400 naming ``path`` otherwise.
    """
    if not _ID.fullmatch(value):
        raise invalid(path, "expected 1 to 128 printable ASCII characters, no space at either end")
    return value


def operation_id(value: str | None, by: str, path: str) -> str:
    """The operation id that ``by`` calls under, empty for none; 400 naming ``path`` for what is no id.

    A character remembers a bounded number of them. A player's would push those of services out, and a reward
    that is repeated under its id would be given twice; so characters' tokens have none.
    """
    if value is None:
        return ""
    if by.startswith(PLAYER_PREFIX):
        raise invalid(path, "characters' tokens have no operation ids: make the call conditional on a tag")
    return id_of(value, path)


def tag_of(value: str, path: str) -> str:
    """The tag that the inventory is to be at, empty for any; 400 naming ``path`` for what is no tag.

    One tag, quoted as in ``ETag`` or bare as in a reply's ``tag``, or ``*``.
    """
    # "*" asks only that there be a current state, and a character always has one.
    if value == "*":
        return ""
    # What follows "+" tells apart representations of one state, and a command is about the state.
    tag = _TAG.fullmatch(value)
    if tag is None:
        raise invalid(path, "expected one entity tag of this inventory, or *")
    return tag[2]
