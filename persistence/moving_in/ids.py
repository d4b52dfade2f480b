"""The ids that owners and items get who have none of ours: the same ones whenever they are asked for."""

import re
from hashlib import sha1
from typing import Final
from uuid import UUID

# For studios that name none of their own; it is in docs/moving-in.md, and never changes.
NAMESPACE: Final = UUID("6f1f2c8e-9d0b-5c4a-8a57-6b1d0c9e3f42")

_UUID = re.compile(r"(?i:[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})").fullmatch
_VARIANT: Final = "89ab" * 4


def char_id_of(owner: str, namespace: UUID) -> str:
    """A UUID is its own, in lower case with dashes; any other text has the UUIDv5 of it.

    Raises ``UnicodeEncodeError`` for text that is none.
    """
    return str(UUID(owner if _UUID(owner) else _version_5(namespace, owner)))


def item_id_of(text: str, namespace: UUID) -> str:
    """32 hex digits: a UUID's own, or the UUIDv5 of ``item:`` and the text; raises as ``char_id_of``."""
    return text.replace("-", "").lower() if _UUID(text) else _version_5(namespace, f"item:{text}")


def _version_5(namespace: UUID, name: str) -> str:
    # As uuid.uuid5 makes it (RFC 9562, 5.5), at a quarter of the time, and there is one for each row.
    digits = sha1(namespace.bytes + name.encode(), usedforsecurity=False).hexdigest()
    return f"{digits[:12]}5{digits[13:16]}{_VARIANT[int(digits[16], 16)]}{digits[17:32]}"
