"""A history as text: an operation a line, by the time of its call, ids of items shortened."""

import re
from typing import Any

import msgspec

from engine.refusals import Refusal
from engine.state import Item
from persistence.records import TagMismatch
from tests.linearizability.checker import TooHard, Verdict, check
from tests.linearizability.history import (
    Execute,
    History,
    IdTaken,
    Inventory,
    Operation,
    Reply,
    Stand,
    Standing,
)
from tests.linearizability.model import Model, State
from tests.linearizability.shrink import shrink

_ITEM_ID = re.compile(r"\b[0-9a-f]{32}\b")


def report(history: History, model: Model, title: str) -> str:
    """Why a history is not linearizable: shrunk, and how far an order gets."""
    small = shrink(history, model)
    lines = [f"{title}: no order explains these {len(small)} of {len(history)} operations.", ""]
    lines += table(small)
    try:
        lines += ["", *_how_far(check(small, model), small, model)]
    except TooHard as hard:
        lines += ["", str(hard)]
    return _short_ids("\n".join(lines))


def table(history: History) -> list[str]:
    """A line for each operation."""
    rows = [("from", "to", "client", "call", "answer")]
    rows += [
        (
            str(each.invoked),
            "?" if each.answered is None else str(each.answered),
            each.client,
            call_text(each),
            answer_text(each),
        )
        for each in sorted(history, key=lambda each: each.invoked)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]


def call_text(operation: Operation) -> str:
    call = operation.call
    if isinstance(call, Stand):
        return call.what
    if not isinstance(call, Execute):
        return "read"
    texts = [_command_text(msgspec.to_builtins(command)) for command in call.commands]
    terms = {"under": call.op_id, "if": call.if_match, "and": "durable" if call.durable else ""}
    return "; ".join(texts) + "".join(f" {word} {term}" for word, term in terms.items() if term)


def answer_text(operation: Operation) -> str:
    match operation.answer:
        case None:
            return "unknown" if operation.answered is None else "(forgotten)"
        case Reply(seq=seq, durable_seq=durable_seq, replayed=replayed, changes=changes):
            texts = [_item_text(item) for item in changes.changed]
            texts += [f"{item_id} gone" for item_id in changes.removed]
            texts += [f"actor {changes.actor}"] if changes.actor else []
            again = " again" if replayed else ""
            return f"seq {seq}{again}, durable {durable_seq}: {', '.join(texts) or 'nothing changed'}"
        case Refusal(code=code, params=params, op_index=op_index):
            values = " ".join(f"{name}={value}" for name, value in params.items())
            return f"{code.value} {values}" + (f" (command {op_index})" if op_index else "")
        case TagMismatch(tag=tag):
            return f"TAG_MISMATCH {tag}"
        case IdTaken():
            return "IDEMPOTENCY_MISMATCH"
        case Inventory(seq=seq, items=items):
            return f"seq {seq}: " + (", ".join(map(_item_text, items.values())) or "empty")
        case Standing(seq=seq, durable_seq=durable_seq):
            return f"seq {seq}, durable {durable_seq}"


def _how_far(verdict: Verdict, history: History, model: Model) -> list[str]:
    lines = ["The longest order that can be explained, by the times of the calls:"]
    lines.append("  " + (" ".join(str(each.invoked) for each in verdict.order) or "none at all"))
    session = verdict.state.session
    items = ", ".join(map(_item_text, session.items.values())) or "empty"
    lines.append(f"leads to seq {session.seq}: {items}")
    lines.append("There the others would have been answered:")
    for operation in history:
        if operation not in verdict.order and operation.answered is not None:
            lines.append(f"  {operation.invoked}: {_would_be(verdict.state, operation, model)}")
    return lines


def _would_be(state: State, operation: Operation, model: Model) -> str:
    outcomes = [given for _, given in model.outcomes(state, operation.call)]
    return " or ".join(answer_text(msgspec.structs.replace(operation, answer=given)) for given in outcomes)


def _command_text(command: dict[str, Any]) -> str:
    rest = " ".join(_value_text(name, value) for name, value in command.items() if name != "op")
    return f"{command['op']} {rest}".strip()


def _value_text(name: str, value: Any) -> str:
    if name == "to":
        return "to " + ":".join(str(part) for part in value.values())
    if name in ("item_id", "template_id", "container", "slot"):
        return str(value)
    return f"{name}={value}"


def _item_text(item: Item) -> str:
    marks = "".join(f" {mark}" for mark in ("bound", "locked", "held") if getattr(item, mark))
    place = f"{item.place.container}:{item.place.slot}"
    return f"{item.item_id} {item.quantity} {item.template_id} in {place}{marks}"


def _short_ids(text: str) -> str:
    names: dict[str, str] = {}
    return _ITEM_ID.sub(lambda found: names.setdefault(found[0], f"#{len(names) + 1}"), text)
