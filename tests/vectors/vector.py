"""Vectors: cases of the rules as lines of text, ``name | before | commands | after``.

Before: items ``a=potion*4@bag:0`` (an alias of one letter, a template, a quantity, a place; ``!``
at the end: bound) and the actor, ``level=5 class=mage strength=3 state=in_combat``; what is not
said is as in ``world.ACTOR``.

Commands, one or more with ``;`` between: ``equip a [slot]``, ``unequip a [place]``,
``move a place [*n]``, ``grant template*n [container] [!]``, ``consume a*n`` or
``consume template*n``, ``drop a [*n]``, ``set_actor level=5 strength=3 +state -state``. A place is
``bag`` or ``bag:3``. ``@0`` is the first item that command 0 made.

After: a refusal, ``CODE [key=value …]``, whose keys are checked as far as they are told; or the
changes, all of them: ``a@bag:1``, ``a*3@bag:0``, new items as ``+potion*2@bag:1``, ``-a`` for one
that went, ``level=5`` for the actor; ``none`` when nothing changed.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.commands import Command
from engine.engine import InventoryEngine
from engine.outcome import Applied, Outcome
from engine.state import Actor, InventorySessionDTO, Item, Place
from tests.parity.twins import encode
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES

_ITEM = re.compile(r"(\w)=(\w+)(?:\*(\d+))?@(\w+):(\w+)(!?)")
_CHANGE = re.compile(r"(\+?)(\w+)(?:\*(\d+))?@(\w+):(\w+)(!?)")


@dataclass(frozen=True)
class Vector:
    """One case; ``where`` is file and line."""

    where: str
    name: str
    before: str
    commands: str
    after: str

    def session(self, ruleset_hash: str) -> InventorySessionDTO:
        """The session that ``before`` describes."""
        words = self.before.split()
        items = [_item(word) for word in words if "@" in word]
        return InventorySessionDTO(
            CHAR_ID,
            0,
            ruleset_hash,
            _actor([word for word in words if "@" not in word]),
            {item.item_id: item for item in items},
            {item.template_id: TEMPLATES[item.template_id] for item in items},
        )

    def batch(self) -> tuple[Command, ...]:
        """The commands, by way of JSON."""
        return encode([_command(text.split()) for text in self.commands.split(";")])

    def check(self, outcome: Outcome, before: InventorySessionDTO) -> None:
        """Compare with ``after``; raises AssertionError."""
        expected = self.after.split()
        if expected[0].isupper():
            assert not isinstance(outcome, Applied), f"{self.where}: applied, {outcome}"
            assert outcome.code == expected[0], f"{self.where}: {outcome}"
            told = dict(word.split("=") for word in expected[1:])
            params = {name: str(value) for name, value in outcome.params.items()} | {
                "op_index": str(outcome.op_index)
            }
            assert told.items() <= params.items(), f"{self.where}: {outcome}"
            return
        assert isinstance(outcome, Applied), f"{self.where}: {outcome}"
        made = {_shown(item, item.item_id not in before.items) for item in outcome.changes.changed}
        made |= {f"-{_alias(item_id)}" for item_id in outcome.changes.removed}
        if outcome.changes.actor is not None:
            made |= _actor_words(outcome.changes.actor) - _actor_words(before.actor)
        wanted = {_normal(word, before) for word in expected if word != "none"}
        assert made == wanted, f"{self.where}: {sorted(made)}, not {sorted(wanted)}"


def read_vectors() -> list[Vector]:
    """All vectors of this folder, by file and line."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                name, before, commands, after = (part.strip() for part in line.split("|"))
                found.append(Vector(f"{path.name}:{number}", name, before, commands, after))
    return found


def judge(vector: Vector, engine: InventoryEngine) -> Outcome:
    """What Python says."""
    session = vector.session(engine.ruleset.hash)
    return engine.apply_batch(session, vector.batch(), templates=TEMPLATES, id_prefix="0" * 24)


def _id(alias: str) -> str:
    return alias if alias.startswith("@") else alias.encode().hex() * 16


def _alias(item_id: str) -> str:
    return bytes.fromhex(item_id[:2]).decode()


def _slot(container: str, text: str) -> int | str:
    return int(text) if text.isdigit() and container != "wallet" else text


def _item(word: str) -> Item:
    match = _ITEM.fullmatch(word)
    assert match, word
    alias, template, quantity, container, slot, bound = match.groups()
    return Item(
        _id(alias), template, int(quantity or 1), Place(container, _slot(container, slot)), bound == "!"
    )


def _actor(words: list[str]) -> Actor:
    fields: dict[str, Any] = {"level": ACTOR.level, "class_": ACTOR.class_}
    attributes, states = dict(ACTOR.attributes), []
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


def _actor_words(actor: Actor) -> set[str]:
    return {
        f"level={actor.level}",
        f"class={actor.class_}",
        *(f"{name}={value}" for name, value in actor.attributes.items()),
        "states=" + ",".join(actor.states),
    }


def _command(words: list[str]) -> dict[str, Any]:
    op, *rest = words
    if op == "set_actor":
        return {"op": op} | _actor_change(rest)
    subject, amount = ([*rest[0].split("*"), ""])[:2]
    fields: dict[str, Any] = {"op": op}
    fields |= {"quantity": int(amount)} if amount else {}
    known = len(subject) == 1 or subject.startswith("@")
    fields |= {"item_id": _id(subject)} if known else {"template_id": subject}
    for word in rest[1:]:
        if word == "!":
            fields["bound"] = True
        elif word.startswith("*"):
            fields["quantity"] = int(word[1:])
        elif op == "equip":
            fields["slot"] = word
        elif op == "grant":
            fields["container"] = word
        else:
            container, _, slot = word.partition(":")
            fields["to"] = {"container": container} | ({"slot": _slot(container, slot)} if slot else {})
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


def _shown(item: Item, new: bool) -> str:
    name = f"+{item.template_id}" if new else _alias(item.item_id)
    bound = "!" if item.bound else ""
    return f"{name}*{item.quantity}@{item.place.container}:{item.place.slot}{bound}"


def _normal(word: str, before: InventorySessionDTO) -> str:
    match = _CHANGE.fullmatch(word)
    if not match:
        return word
    plus, name, quantity, container, slot, bound = match.groups()
    if not quantity:
        quantity = "1" if plus else str(before.items[_id(name)].quantity)
    return f"{plus}{name}*{quantity}@{container}:{slot}{bound}"
