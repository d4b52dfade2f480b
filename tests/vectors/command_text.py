"""Commands as words: ``move a bag:3 *2``, ``grant potion*3 bag ! +partial as X``, or as JSON."""

import json
from typing import Any

from tests.vectors.item_text import id_of, slot_of


def read_command(text: str) -> dict[str, Any]:
    """One command, as JSON would have it."""
    if text.startswith("{"):
        told: dict[str, Any] = json.loads(text)
        return told | ({"item_id": id_of(told["item_id"])} if "item_id" in told else {})
    op, *words = text.split()
    if op == "set_actor":
        return {"op": op} | _actor_change(words)
    if op == "sort":
        (container,) = words
        return {"op": op, "container": container}
    subject, *words = words
    fields = {"op": op} | _subject(subject)
    return fields | (_grant(words) if op == "grant" else _where(op, words))


def _subject(word: str) -> dict[str, Any]:
    """An item or a template, and how many of it."""
    name, _, amount = word.partition("*")
    is_item = len(name) == 1 or name.startswith("@")
    fields: dict[str, Any] = {"item_id": id_of(name)} if is_item else {"template_id": name}
    return fields | ({"quantity": int(amount)} if amount else {})


def _grant(words: list[str]) -> dict[str, Any]:
    """A container stands by itself, an option has a plus, because one container may be ``overflow``."""
    fields: dict[str, Any] = {}
    if "as" in words:
        at = words.index("as")
        fields["item_id"] = id_of(words[at + 1])
        words = words[:at] + words[at + 2 :]
    for word in words:
        if word == "!":
            fields["bound"] = True
        elif word in ("+partial", "+overflow"):
            fields[word[1:]] = True
        else:
            assert "container" not in fields, f"a second container: {word}"
            fields["container"] = word
    return fields


def _where(op: str, words: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for word in words:
        if word.startswith("*"):
            fields["quantity"] = int(word[1:])
        elif op == "equip":
            fields["slot"] = word
        else:
            container, _, slot = word.partition(":")
            fields["to"] = {"container": container} | ({"slot": slot_of(slot)} if slot else {})
    return fields


def _actor_change(words: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"attributes": {}, "states": {"add": [], "remove": []}}
    for word in words:
        if word[0] in "+-":
            fields["states"]["add" if word[0] == "+" else "remove"].append(word[1:])
            continue
        name, value = word.split("=")
        if name == "class":
            fields[name] = value
        elif name == "level":
            fields[name] = int(value)
        else:
            fields["attributes"][name] = int(value)
    return fields
