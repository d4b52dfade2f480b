"""Items, places and actors as words: ``a=potion*4@bag:0!``, ``level=5``, ``state=in_combat``."""

import re
from typing import Any

from engine.state import Actor, InventorySessionDTO, Item, Place

# A template's id has more signs than a name; in a purse it is the slot, too.
_ID = r"[\w.:/-]+"
_STACK = rf"({_ID})(?:\*(\d+))?@(\w+):({_ID})(!?)(\^?)(~?)"
_ITEM = re.compile(rf"(\w)={_STACK}")
_CHANGE = re.compile(rf"(\+(?:\w=)?)?{_STACK}")


def id_of(alias: str) -> str:
    """The id that a letter stands for; anything longer is an id, or a reference, itself."""
    return alias.encode().hex() * 16 if len(alias) == 1 else alias


def alias_of(item_id: str) -> str:
    """The letter that an id stands for, or the id itself."""
    letter = chr(int(item_id[:2], 16))
    return letter if item_id == id_of(letter) else item_id


def slot_of(text: str) -> int | str:
    """An index, or a name."""
    return int(text) if text.isdigit() else text


def read_item(word: str) -> Item:
    """An item of the session that a vector begins with."""
    match = _ITEM.fullmatch(word)
    assert match, f"not an item: {word}"
    alias, template, quantity, container, slot, bound, locked, held = match.groups()
    return Item(
        id_of(alias),
        template,
        int(quantity or 1),
        Place(container, slot_of(slot)),
        bool(bound),
        bool(locked),
        bool(held),
    )


def item_word(item: Item, begin: str) -> str:
    """An item as an outcome tells it; ``begin`` is an alias, or a template with its plus."""
    marks = "!" * item.bound + "^" * item.locked + "~" * item.held
    return f"{begin}*{item.quantity}@{item.place.container}:{item.place.slot}{marks}"


def full_word(word: str, before: InventorySessionDTO) -> str:
    """A told change with its quantity; other words stay as they are."""
    match = _CHANGE.fullmatch(word)
    if not match:
        return word
    new, name, quantity, container, slot, bound, locked, held = match.groups()
    if not quantity:
        quantity = "1" if new else str(before.items[id_of(name)].quantity)
    return f"{new or ''}{name}*{quantity}@{container}:{slot}{bound}{locked}{held}"


def read_actor(usual: Actor, words: list[str]) -> Actor:
    """The actor that a vector begins with: the usual one, and what is told of it."""
    fields: dict[str, Any] = {"level": usual.level, "class_": usual.class_}
    attributes, states = dict(usual.attributes), []
    for word in words:
        name, value = word.split("=")
        if name == "state":
            states.append(value)
        elif name == "class":
            fields["class_"] = value
        elif name == "level":
            fields["level"] = int(value)
        else:
            attributes[name] = int(value)
    return Actor(**fields, attributes=attributes, states=tuple(states))


def actor_words(actor: Actor) -> set[str]:
    """All that is to be told of an actor."""
    return {
        f"level={actor.level}",
        f"class={actor.class_}",
        *(f"{name}={value}" for name, value in actor.attributes.items()),
        "states=" + ",".join(actor.states),
    }
