"""Bounds and spellings shared by every struct that crosses a border.

The mirror counts in IEEE doubles and prints with 14 digits, so every number that it may
hold, and every sum it may form, stays below 10**14. Names are spelled in a small ASCII
alphabet that needs no escaping in JSON, so the mirror can write them by concatenation,
and that has no ":" in container and slot names, so hash fields split without ambiguity.
"""

from typing import Annotated

from msgspec import Meta

QUANTITY_MAX = 10**12
# Weight × quantity of a few such stacks is still counted exactly.
WEIGHING_QUANTITY_MAX = 10**9
STACK_LIMIT_MAX = 10**6
WEIGHT_MAX = 10**6
CARRIED_MAX = 10**12
CAPACITY_MAX = 10_000
LEVEL_MAX = 10**6
ATTRIBUTE_MAX = 10**9
NEW_STACKS_PER_CALL = 200
COMMANDS_PER_BATCH_MAX = 100

# "$" would let a trailing newline in; the lookahead also holds in ECMA regular expressions,
# which is what a schema generated from these types is read with.
_END = r"(?![\s\S])"

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,31}" + _END
TEMPLATE_ID_PATTERN = r"^[a-z0-9][a-z0-9_.:/-]{0,63}" + _END
_UUID = r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
ITEM_ID_PATTERN = rf"^({_UUID}){_END}"
ITEM_REF_PATTERN = rf"^({_UUID}|@(0|[1-9][0-9]?)){_END}"

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
# The name of a class, or "" for none.
ClassName = Annotated[str, Meta(pattern=rf"^([a-z][a-z0-9_]{{0,31}})?{_END}")]
TemplateId = Annotated[str, Meta(pattern=TEMPLATE_ID_PATTERN)]
ItemId = Annotated[str, Meta(pattern=ITEM_ID_PATTERN)]
# An item by its id, or the first one that command n of the same call made, as "@n".
ItemRef = Annotated[str, Meta(pattern=ITEM_REF_PATTERN)]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Weight = Annotated[int, Meta(ge=0, le=WEIGHT_MAX)]
StackLimit = Annotated[int, Meta(ge=1, le=STACK_LIMIT_MAX)]
Capacity = Annotated[int, Meta(ge=0, le=CAPACITY_MAX)]
CarryWeight = Annotated[int, Meta(ge=0, le=CARRIED_MAX)]
Level = Annotated[int, Meta(ge=0, le=LEVEL_MAX)]
AttributeValue = Annotated[int, Meta(ge=-ATTRIBUTE_MAX, le=ATTRIBUTE_MAX)]
SlotIndex = Annotated[int, Meta(ge=0, le=CAPACITY_MAX)]
SlotName = Annotated[str, Meta(pattern=TEMPLATE_ID_PATTERN)]


def normal_item_id(ref: str) -> str:
    """The one spelling of an item reference: 32 lower-case hex digits, or "@n" as it is."""
    return ref if ref.startswith("@") else ref.replace("-", "").lower()
