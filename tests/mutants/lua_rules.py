"""The mirror's rules under lupa, without a server: fields in, a refusal or what was altered out.

It does what ``session_execute`` does between reading a session and writing it, over a plain table
of the session's fields, and does it both ways: by the rules, and where ``quick`` has an answer by that
as well. ``sources`` may stand in for any of the shipped files.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import lupa.lua51

from engine.ruleset import Ruleset
from lua.contract import read_contract
from lua.library import in_order, shipped_sources
from lua.tables import constants

_EXECUTE = """
local ABSENT = {__index = function()
  return false
end}
-- The head as far as rules read it: the places before the actor are for others.
local HEAD = {'', '', '', '', '', '', '', '', 'actor', 'weight', 'carry'}

local function given(fields)
  local copy = setmetatable({}, ABSENT)
  for field, text in pairs(fields) do
    copy[field] = text
  end
  return copy
end

-- All is there, so there is nothing to fetch.
local function fetch()
end

local function quickly(fields, commands)
  local item_id, container, slot = quick.command(commands)
  if not item_id then
    return nil, nil, nil
  end
  local all = given(fields)
  local function read(...)
    local values = {...}
    for index = 1, #values do
      values[index] = all[values[index]]
    end
    return values
  end
  local head = read(unpack(HEAD))
  for index, text in ipairs(read(unpack(quick.named(item_id, container, slot)))) do
    head[#HEAD + index] = text
  end
  local set, gone, changes, capacity = quick.move(head, read, item_id, container, slot)
  return set and reply.body(1, 0, 0, changes, '', capacity), set, gone
end

local function execute(fields, templates, id_prefix, commands)
  local d = draft.new(given(fields), fetch, templates, id_prefix)
  local refusal = apply(d, cjson.decode(commands))
  if refusal then
    return refusal, nil, nil, nil
  end
  local set, gone = {}, {}
  local changed, removed = draft.store(d, set, gone)
  local actor_text = d.new_actor and codec.actor_text(d.new_actor)
  if actor_text == fields.actor then
    actor_text = nil
  elseif actor_text then
    set[#set + 1], set[#set + 2] = 'actor', actor_text
  end
  local changes = reply.changes(changed, removed, actor_text)
  return nil, reply.body(1, 0, 0, changes, reply.told(d), reply.capacity(d)), set, gone
end
return {execute = execute, quickly = quickly, bitmap = bitmap}
"""


@dataclass(frozen=True)
class LuaRefusal:
    """A refusal as Lua gives it."""

    code: str
    params: dict[str, Any]
    op_index: int


@dataclass(frozen=True)
class LuaApplied:
    """The reply's body, decoded, and the fields that have another value now, None for what went."""

    body: dict[str, Any]
    altered: dict[str, str | None]


@cache
def _rules() -> dict[str, str]:
    """The shipped files of the rules by stem, each after what it requires."""
    texts = shipped_sources()
    pure = {entry.name for entry in files("lua").joinpath("rules").iterdir()}
    parts = in_order({stem: read_contract(stem, text) for stem, text in texts.items()})
    return {part.name: texts[part.name] for part in parts if f"{part.name}.lua" in pure}


_constants = cache(constants)


class LuaRules:
    """The rules of one ruleset; ``bitmap`` is the Lua module of that name."""

    def __init__(self, ruleset: Ruleset, sources: Mapping[str, str] | None = None) -> None:
        """Load the shipped files, those in ``sources`` (stem → text) replaced."""
        body = "".join((sources or {}).get(stem, text) for stem, text in _rules().items())
        self._runtime = lupa.lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False)
        self._runtime.globals().cjson = self._runtime.table(decode=self._decode)
        exported = self._runtime.execute(_constants(ruleset) + body + _EXECUTE)
        self._plain_containers = _plain_containers(ruleset)
        self._execute, self._quickly, self.bitmap = exported.execute, exported.quickly, exported.bitmap

    def execute(
        self, fields: Mapping[str, str], templates: Mapping[str, str], id_prefix: str, commands: str
    ) -> LuaRefusal | LuaApplied:
        """Apply commands (JSON) to a session's fields; raises ``LuaError`` where the rules break.

        The quick way must have the same answer, and have one just where it is meant to: raises
        ``AssertionError``.
        """
        table = self._runtime.table_from
        refusal, body, set_, gone = self._execute(table(fields), table(templates), id_prefix, commands)
        outcome = _applied(body, set_, gone) if refusal is None else _refusal(refusal)
        quick_body, *quick_fields = self._quickly(table(fields), commands)
        assert (quick_body is not None) == self._is_plain(fields, commands, outcome), "which way it goes"
        if quick_body is not None:
            assert quick_body == body, f"the quick way has {quick_body}, not {body}"
            assert _altered(*quick_fields) == _altered(set_, gone), "the quick way alters other fields"
        return outcome

    def _is_plain(self, fields: Mapping[str, str], commands: str, outcome: LuaRefusal | LuaApplied) -> bool:
        """Whether whole items, one or two, have gone to other slots, and no state could have forbidden it."""
        command, *others = json.loads(commands)
        if others or command["op"] != "move" or "quantity" in command or isinstance(outcome, LuaRefusal):
            return False
        changed, removed = outcome.body["changes"]["changed"], outcome.body["changes"]["removed"]
        before = {
            item["item_id"]: json.loads(fields.get(f"item:{item['item_id']}", "[0, 0, 0]"))
            for item in changed
        }
        places = {item["place"]["container"] for item in changed} | {record[2] for record in before.values()}
        return (
            isinstance(command["to"].get("slot"), int)
            and places <= self._plain_containers
            and bool(changed)
            and not removed
            and all(before[item["item_id"]][1] == item["quantity"] for item in changed)
        )

    def _decode(self, text: str) -> Any:
        return self._table(json.loads(text))

    def _table(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._runtime.table_from({key: self._table(entry) for key, entry in value.items()})
        if isinstance(value, Sequence) and not isinstance(value, str):
            return self._runtime.table_from([self._table(entry) for entry in value])
        return value


def _plain_containers(ruleset: Ruleset) -> set[str]:
    if any("move" in rule.forbids for rule in ruleset.state_rules.values()):
        return set()
    return {
        entry.name
        for entry in ruleset.source.containers
        if entry.kind == "slots" and not (entry.shared or entry.locked_while or entry.open_while)
    }


def _refusal(refusal: Any) -> LuaRefusal:
    return LuaRefusal(refusal.code, dict(refusal.params.items()), refusal.op_index)


def _applied(body: str, set_: Any, gone: Any) -> LuaApplied:
    return LuaApplied(json.loads(body), _altered(set_, gone))


def _altered(set_: Any, gone: Any) -> dict[str, str | None]:
    flat, names = ([table[index + 1] for index in range(len(table))] for table in (set_, gone))
    return dict(zip(flat[::2], flat[1::2], strict=True)) | dict.fromkeys(names)
