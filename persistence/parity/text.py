"""A case as text, in the form of the vectors: lines that tests/vectors/vector.py reads.

``ruleset NAME``, a ``template ID: {facts}`` for each, and for every call a line
``name | before | commands | after``, where *after* is what Python says. Commands that the short
forms have no words for stand as JSON.
"""

import json
import string
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied, Outcome
from engine.refusals import Param, Refusal
from engine.ruleset import Ruleset
from engine.state import Actor, InventorySessionDTO, Item
from persistence.parity.case import Case, RawCommand

_ALIASES = string.ascii_lowercase + string.ascii_uppercase
_IDS = ("item_id", "onto")


def case_text(ruleset: Ruleset, case: Case, name: str, *, ruleset_name: str, ids: bool = False) -> str:
    """The lines of a case, the last call last; ``ids``: tell ids among a refusal's values, too.

    ``ruleset_name`` is what ``read_ruleset`` finds the ruleset by. A line begins where Python stood
    before its call, so every line stands for itself.
    """
    engine, state = InventoryEngine(ruleset), case.start
    lines = [f"ruleset {ruleset_name}"]
    lines += [f"template {facts.template_id}: {_facts_text(facts)}" for facts in _facts_of(case)]
    for call in case.calls:
        one = with_aliases(replace(case, start=state, calls=(call,)))
        commands = "; ".join(_command_text(command) for command in one.calls[0].commands)
        after = _after(one.start, _judged(engine, one), ids)
        lines.append(f"{name} | {_before(one.start)} | {commands} | {after}")
        outcome = _judged(engine, replace(one, start=state, calls=(call,)))
        state = outcome.session if isinstance(outcome, Applied) else state
    return "\n".join(lines) + "\n"


def _judged(engine: InventoryEngine, case: Case) -> Outcome | None:
    """What a case of one call comes to; None where Python raises, which may be the difference."""
    (call,) = case.calls
    try:
        return engine.apply_batch(case.start, call.decoded(), templates=case.templates, id_prefix=call.prefix)
    except Exception:
        return None


def with_aliases(case: Case) -> Case:
    """The same case, its items' ids those that one-letter aliases stand for; up to 52 have one."""
    known = dict(zip(case.start.items, map(alias_id, _ALIASES), strict=False))
    items = {
        known.get(item_id, item_id): replace(item, item_id=known.get(item_id, item_id))
        for item_id, item in case.start.items.items()
    }
    calls = tuple(
        replace(call, commands=tuple(_renamed(command, known) for command in call.commands))
        for call in case.calls
    )
    return replace(case, start=replace(case.start, items=items), calls=calls)


def alias_id(alias: str) -> str:
    """The id that a letter stands for in a vector."""
    return alias.encode().hex() * 16


def _renamed(command: RawCommand, known: Mapping[str, str]) -> RawCommand:
    item_id = command.get("item_id", "")
    return command | {"item_id": known[item_id]} if item_id in known else command


def _facts_of(case: Case) -> Iterator[Facts]:
    known = case.templates | case.start.facts
    return (known[name] for name in sorted(known))


def _facts_text(facts: Facts) -> str:
    told = msgspec.to_builtins(facts)
    del told["template_id"]
    return json.dumps(told)


def _before(session: InventorySessionDTO) -> str:
    items = [f"{_alias(item.item_id)}={_item_text(item)}" for item in session.items.values()]
    return " ".join([*items, *_actor_words(session.actor)])


def _item_text(item: Item) -> str:
    return f"{item.template_id}*{item.quantity}@{item.place.container}:{item.place.slot}{_marks(item)}"


def _marks(item: Item) -> str:
    return "!" * item.bound + ",locked" * item.locked + ",held" * item.held


def _actor_words(actor: Actor) -> list[str]:
    words = [f"level={actor.level}"] if actor.level != 1 else []
    words += [f"class={actor.class_}"] if actor.class_ else []
    words += [f"{name}={value}" for name, value in actor.attributes.items()]
    return words + [f"state={state}" for state in actor.states]


def _alias(item_id: str) -> str:
    """The letter of an id, or the id itself where it has none."""
    for alias in _ALIASES:
        if item_id == alias_id(alias):
            return alias
    return item_id


def _command_text(command: RawCommand) -> str:
    fields = dict(command)
    op, ref = fields.pop("op"), _alias(fields.pop("item_id", ""))
    to, quantity, template = (
        fields.pop("to", None),
        fields.pop("quantity", None),
        fields.pop("template_id", ""),
    )
    # A slot that is text and looks like a number can only be told as JSON.
    digits = to is not None and isinstance(to.get("slot"), str) and to["slot"].isdigit()
    short = (len(ref) == 1 or ref.startswith("@")) and not digits
    words: list[str] = []
    if op in ("equip", "unequip", "move", "drop") and short:
        words = [op, ref]
        words += [fields.pop("slot")] if "slot" in fields else []
        words += [_place_text(to)] if to else []
        words += [f"*{quantity}"] if quantity else []
    elif op in ("use", "lock", "unlock") and short:
        words = [op, ref]
    elif op == "consume" and (short or template):
        words = [op, f"{template or ref}*{quantity}"]
    elif op == "grant" and not ref:
        words = [op, f"{template}*{quantity}"]
        words += [fields.pop("container")] if "container" in fields else []
        words += ["!"] if fields.pop("bound", False) else []
    elif op == "set_actor":
        return _set_actor_text(fields)
    if fields or not words:
        return json.dumps(command | ({"item_id": ref} if "item_id" in command else {}))
    return " ".join(words)


def _place_text(to: RawCommand) -> str:
    return f"{to['container']}:{to['slot']}" if "slot" in to else str(to["container"])


def _set_actor_text(fields: RawCommand) -> str:
    words = ["set_actor"]
    words += [f"{name}={fields[name]}" for name in ("level", "class") if name in fields]
    words += [f"{name}={value}" for name, value in fields.get("attributes", {}).items()]
    states = fields.get("states", {})
    words += [f"+{state}" for state in states.get("add", ())]
    return " ".join(words + [f"-{state}" for state in states.get("remove", ())])


def _after(before: InventorySessionDTO, outcome: Outcome | None, ids: bool) -> str:
    if outcome is None:
        return "PYTHON_RAISES"
    if isinstance(outcome, Refusal):
        params: dict[str, Param] = {"op_index": outcome.op_index} if outcome.op_index else {}
        params |= {name: value for name, value in outcome.params.items() if ids or name not in _IDS}
        return " ".join([outcome.code.value, *(f"{name}={value}" for name, value in params.items())])
    changes = outcome.changes
    words = [
        f"{_alias(item.item_id)}{_item_text(item).removeprefix(item.template_id)}"
        if item.item_id in before.items
        else f"+{_item_text(item)}"
        for item in changes.changed
    ]
    words += [f"-{_alias(item_id)}" for item_id in changes.removed]
    if changes.actor is not None:
        words += sorted(_full(changes.actor) - _full(before.actor))
    return " ".join(words) or "none"


def _full(actor: Actor) -> set[str]:
    return {
        f"level={actor.level}",
        f"class={actor.class_}",
        *(f"{name}={value}" for name, value in actor.attributes.items()),
        "states=" + ",".join(actor.states),
    }
