"""A case as text, in the form of the vectors: lines that tests/vectors/vector.py reads.

``ruleset: NAME``, a ``template ID {facts}`` for each, and for every call a line
``name | before | commands | after``, where *after* is what Python says. Items go by letters.
Commands that the short forms have no words for stand as JSON.
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


def case_text(ruleset: Ruleset, case: Case, name: str, *, ruleset_name: str) -> str:
    """The lines of a case, the last call last.

    ``ruleset_name`` is what ``read_ruleset`` finds the ruleset by. A line begins where Python stood
    before its call, so every line stands for itself.
    """
    engine, state = InventoryEngine(ruleset), case.start
    lines = [f"ruleset: {ruleset_name}"]
    lines += [f"template {facts.template_id} {_facts_text(facts)}" for facts in _facts_of(case)]
    for call in case.calls:
        one = with_aliases(replace(case, start=state, calls=(call,)))
        commands = "; ".join(_command_text(command) for command in one.calls[0].commands)
        after = _after(one.start, _judged(engine, one))
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
    """The same case with the ids that letters stand for: of what is there, then of what is asked for.

    There are 52 letters; what is left over keeps its id.
    """
    named = (command["item_id"] for call in case.calls for command in call.commands if "item_id" in command)
    ids = dict.fromkeys((*case.start.items, *(ref for ref in named if not ref.startswith("@"))))
    known = dict(zip(ids, map(alias_id, _ALIASES), strict=False))
    items = [
        replace(item, item_id=known.get(item.item_id, item.item_id)) for item in case.start.items.values()
    ]
    calls = tuple(
        replace(call, commands=tuple(_renamed(command, known) for command in call.commands))
        for call in case.calls
    )
    return replace(case, start=replace(case.start, items={item.item_id: item for item in items}), calls=calls)


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
    return "!" * item.bound + "^" * item.locked + "~" * item.held


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
    elif op == "grant" and len(ref) < 2:
        words = [op, f"{template}*{quantity}"]
        words += [fields.pop("container")] if "container" in fields else []
        words += [
            word
            for name, word in (("bound", "!"), ("partial", "+partial"), ("overflow", "+overflow"))
            if fields.pop(name, False)
        ]
        words += ["as", ref] if ref else []
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


def _after(before: InventorySessionDTO, outcome: Outcome | None) -> str:
    if outcome is None:
        return "PYTHON_RAISES"
    if isinstance(outcome, Refusal):
        params: dict[str, Param] = {"op_index": outcome.op_index} if outcome.op_index else {}
        params |= outcome.params
        told = [
            f"{name}={_alias(value) if isinstance(value, str) else value}" for name, value in params.items()
        ]
        return " ".join([outcome.code.value, *told])
    changes = outcome.changes
    words = [_changed_text(item, item.item_id not in before.items) for item in changes.changed]
    words += [f"-{_alias(item_id)}" for item_id in changes.removed]
    if changes.actor is not None:
        words += sorted(_full(changes.actor) - _full(before.actor))
    several = len(outcome.told) > 1
    words += [
        f"{one.op_index}:" * several
        + (f"effect={one.effect.template_id}" if one.effect else f"not_placed={one.not_placed}")
        for one in outcome.told
    ]
    return " ".join(words) or "none"


def _changed_text(item: Item, is_new: bool) -> str:
    alias = _alias(item.item_id)
    if is_new:
        return f"+{alias}={_item_text(item)}" if len(alias) == 1 else f"+{_item_text(item)}"
    return alias + _item_text(item).removeprefix(item.template_id)


def _full(actor: Actor) -> set[str]:
    return {
        f"level={actor.level}",
        f"class={actor.class_}",
        *(f"{name}={value}" for name, value in actor.attributes.items()),
        "states=" + ",".join(actor.states),
    }
