"""The mirror's rules under lupa, without a server: fields in, a refusal or what was altered out.

It does what ``session_execute`` does between reading a session and writing it, over a plain table
of the session's fields. ``sources`` may stand in for any of the shipped files.
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
local function execute(fields, templates, id_prefix, commands)
  local staged = {}
  local view = {}
  function view.get(field)
    local value = staged[field]
    if value == nil then
      value = fields[field]
    end
    return value or nil
  end
  function view.set(field, value)
    staged[field] = value or false
  end
  local d = draft.new(view, templates, id_prefix)
  local refusal = apply(d, cjson.decode(commands))
  if refusal then
    return refusal, nil, nil
  end
  local changed, removed = draft.store(d)
  local actor_text = d.new_actor and codec.actor_text(d.new_actor)
  if actor_text == fields.actor then
    actor_text = nil
  elseif actor_text then
    view.set('actor', actor_text)
  end
  local changes = reply.changes(changed, removed, actor_text)
  return nil, reply.body(1, 0, 0, changes, reply.told(d), reply.capacity(d)), staged
end
return {execute = execute, bitmap = bitmap}
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
        self._execute, self.bitmap = exported.execute, exported.bitmap

    def execute(
        self, fields: Mapping[str, str], templates: Mapping[str, str], id_prefix: str, commands: str
    ) -> LuaRefusal | LuaApplied:
        """Apply commands (JSON) to a session's fields; raises ``LuaError`` where the rules break."""
        table = self._runtime.table_from
        refusal, body, staged = self._execute(table(fields), table(templates), id_prefix, commands)
        if refusal is not None:
            return LuaRefusal(refusal.code, dict(refusal.params.items()), refusal.op_index)
        altered = {name: value or None for name, value in staged.items()}
        altered = {name: value for name, value in altered.items() if value != fields.get(name)}
        return LuaApplied(json.loads(body), altered)

    def _decode(self, text: str) -> Any:
        return self._table(json.loads(text))

    def _table(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._runtime.table_from({key: self._table(entry) for key, entry in value.items()})
        if isinstance(value, Sequence) and not isinstance(value, str):
            return self._runtime.table_from([self._table(entry) for entry in value])
        return value
