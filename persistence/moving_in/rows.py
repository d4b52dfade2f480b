"""Rows as they are judged, and what is wrong with those that cannot be."""

import re
from typing import Final

from msgspec import Struct

from engine.bounds import QUANTITY_MAX
from persistence.moving_in.columns import Cells, Misread

# Longer than anything that could be meant, and short enough to be told.
LENGTH_MAX: Final = 256
_TRUE: Final = frozenset(("true", "t", "yes", "y", "1"))
_FALSE: Final = frozenset(("", "false", "f", "no", "n", "0"))

# Such as NUL, or the end of a line: two owners that look the same would be two characters.
_control = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search

# As what is not of the encoding is read.
_surrogate = re.compile("[\ud800-\udfff]").search

# Name, level, class and attributes of a character, as texts; None where the row does not say.
Who = tuple[str | None, str | None, str | None, str | None]


class Row(Struct, frozen=True, array_like=True, gc=False):
    """What a row says. ``template``: as the table has it; "" where the row only tells of its owner.

    ``container`` and ``slot`` are "" where the rules are to choose, ``item_id`` where there is none.
    """

    owner: str
    template: str
    quantity: int
    container: str
    slot: str
    item_id: str
    bound: bool
    locked: bool
    who: Who | None


class Fault(Struct, frozen=True, array_like=True, gc=False):
    """Why a row cannot be judged at all: the field, "" for the row itself, and what is wrong with it."""

    owner: str
    template: str
    field: str
    problem: str


def read(cells: Cells | Misread) -> Row | Fault:
    """The row in its cells, without the blanks around them."""
    if isinstance(cells, Misread):
        return _fault(cells.owner.strip(), cells.template.strip(), "", cells.problem)
    owner, template, text, place, container, slot, item_id, bound, locked, name, level, class_, attributes = (
        cells
    )
    owner, template = owner.strip() if owner else "", template.strip() if template else ""
    if not owner or len(owner) > LENGTH_MAX:
        return _fault(owner, template, "owner", "it is empty" if not owner else "it is too long")
    if not owner.isprintable() and _control(owner):
        return _fault(owner, template, "owner", "it has a control character")
    if len(template) > LENGTH_MAX:
        return _fault(owner, template, "template", "it is too long")
    is_bound, is_locked = _flag(bound) if bound else False, _flag(locked) if locked else False
    if is_bound is None or is_locked is None:
        return _fault(owner, template, "bound" if is_bound is None else "locked", "expected true or false")
    item_id = item_id.strip() if item_id else ""
    if len(item_id) > LENGTH_MAX:
        return _fault(owner, template, "item_id", "it is too long")
    place = place.strip() if place else ""
    if place:
        container, _, slot = place.partition(":")
    else:
        container, slot = container.strip() if container else "", slot.strip() if slot else ""
    if len(container) > LENGTH_MAX or len(slot) > LENGTH_MAX or (slot and not container):
        return _fault(owner, template, "place", "expected a container, or a container and a slot")
    said = (name, level, class_, attributes) if name or level or class_ or attributes else None
    text = text.strip() if text else ""
    if not template:
        # An owner without items, as an outer join gives it.
        if text not in ("", "0", "1") or item_id:
            return _fault(owner, template, "template", "it is empty")
        return Row(owner, "", 0, "", "", "", False, False, said)
    # Thirteen digits are more than may be; only ASCII's are digits here.
    quantity = int(text) if text.isascii() and text.isdigit() and len(text) <= 13 else 0
    if not 1 <= quantity <= QUANTITY_MAX:
        return _fault(owner, template, "quantity", f"expected a whole number from 1 to {QUANTITY_MAX}")
    return Row(owner, template, quantity, container, slot, item_id, is_bound, is_locked, said)


def undecodable(row: Row) -> Fault:
    """What is wrong with a row that has bytes that are not of its file's encoding."""
    name, level, class_, attributes = row.who or (None,) * 4
    texts = {
        "owner": row.owner, "template": row.template, "place": row.container + row.slot,
        "item_id": row.item_id, "name": name, "level": level, "class": class_, "attributes": attributes,
    }  # fmt: skip
    field = next((field for field, text in texts.items() if text and _surrogate(text)), "")
    return _fault(row.owner, row.template, field, "it has bytes that are not of the file's encoding")


def _flag(text: str) -> bool | None:
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _fault(owner: str, template: str, field: str, problem: str) -> Fault:
    return Fault(_shown(owner), _shown(template), field, problem)


def _shown(text: str) -> str:
    """Text that may be anything, so that it can be written down."""
    return text[:LENGTH_MAX].encode("utf-8", "backslashreplace").decode()
