"""Bounds and spellings that the service holds all values to; it refuses what is beyond them."""

from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

QUANTITY_MAX: Final = 10**12
STACK_LIMIT_MAX: Final = 10**6
WEIGHT_MAX: Final = 10**6
CARRIED_MAX: Final = 10**12
CAPACITY_MAX: Final = 10_000
LEVEL_MAX: Final = 10**6
ATTRIBUTE_MAX: Final = 10**9
COMMANDS_PER_REQUEST_MAX: Final = 100
# Of a body of many requests, and of a frame of a stream.
REQUESTS_MAX: Final = 1_000
BODY_BYTES_MAX: Final = 256 * 1024
STREAM_ID_MAX: Final = 2**53 - 1

# "$" would let a trailing newline in.
_END = r"(?![\s\S])"
_UUID = r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TEMPLATE_ID = r"^[a-z0-9][a-z0-9_.:/-]{0,63}" + _END

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}" + _END)]
# The name of a class, or "" for none.
ClassName = Annotated[str, Meta(pattern=rf"^([a-z][a-z0-9_]{{0,31}})?{_END}")]
TemplateId = Annotated[str, Meta(pattern=_TEMPLATE_ID)]
SlotName = Annotated[str, Meta(pattern=_TEMPLATE_ID)]
ItemId = Annotated[str, Meta(pattern=rf"^({_UUID}){_END}")]
# An item by its id, or the first one that command n of the same request made, as "@n".
ItemRef = Annotated[str, Meta(pattern=rf"^({_UUID}|@(0|[1-9][0-9]?)){_END}")]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Weight = Annotated[int, Meta(ge=0, le=WEIGHT_MAX)]
StackLimit = Annotated[int, Meta(ge=1, le=STACK_LIMIT_MAX)]
Slots = Annotated[int, Meta(ge=0, le=CAPACITY_MAX)]
CarryWeight = Annotated[int, Meta(ge=0, le=CARRIED_MAX)]
Level = Annotated[int, Meta(ge=0, le=LEVEL_MAX)]
AttributeValue = Annotated[int, Meta(ge=-ATTRIBUTE_MAX, le=ATTRIBUTE_MAX)]
SlotIndex = Annotated[int, Meta(ge=0, le=CAPACITY_MAX)]
StreamId = Annotated[int, Meta(ge=0, le=STREAM_ID_MAX)] | Annotated[str, Meta(max_length=128)]


def normal_char_id(char_id: str | UUID) -> str:
    """The one spelling of a character's id; ``ValueError`` for what is no UUID."""
    return str(char_id if isinstance(char_id, UUID) else UUID(char_id))
