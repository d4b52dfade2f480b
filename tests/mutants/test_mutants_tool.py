"""The tool of `make mutants`: what it makes of a sample, and that a few mutants die as they should."""

from collections.abc import Sequence

import pytest

from engine.engine import InventoryEngine
from tests.mutants.cases import Case, vector_cases
from tests.mutants.judge import TIME_LIMIT, judge_all
from tests.mutants.lua_mutants import lua_mutants
from tests.mutants.lua_rules import LuaRules
from tests.mutants.mutant import Mutant
from tests.mutants.python_mutants import python_mutants
from tests.mutants.run import ROOT, mutants_of

PYTHON = """
def rule(draft, item, quantity):
    yield from guards.available(draft, item)
    if quantity > item.quantity and not item.spare:
        yield refuse(TOO_MANY)
        return
    draft.take(item, min(quantity, 1))
"""
PYTHON_MUTANTS = {
    "removed: yield from guards.available(draft, item)",
    "removed: if quantity > item.quantity and (not item.spare):",
    "removed: draft.take(item, min(quantity, 1))",
    "swapped: yield from guards.available(draft, item) → if quantity > item.quantity and (not item.spare):",
    "inverted: if quantity > item.quantity and (not item.spare): → "
    "if not (quantity > item.quantity and (not item.spare)):",
    "and or: if quantity > item.quantity and (not item.spare): → "
    "if quantity > item.quantity or not item.spare:",
    "part dropped: if quantity > item.quantity and (not item.spare): → if quantity > item.quantity:",
    "part dropped: if quantity > item.quantity and (not item.spare): → if not item.spare:",
    "boundary: if quantity > item.quantity and (not item.spare): → "
    "if quantity >= item.quantity and (not item.spare):",
    "not dropped: if quantity > item.quantity and (not item.spare): → "
    "if quantity > item.quantity and item.spare:",
    "min or max: draft.take(item, min(quantity, 1)) → draft.take(item, max(quantity, 1))",
    "off by one: draft.take(item, min(quantity, 1)) → draft.take(item, min(quantity, 2))",
}

LUA = """-- rule: a sample.
-- requires: draft, guards

local function rule(d, item, quantity)
  local refusal = guards.available(d, item)
    or guards.not_locked(item)
  if refusal then
    return refusal
  end
  if quantity >= item.quantity or item.spare == true then
    return guards.refuse('TOO_MANY', {item_id = item.item_id})
  end
  for _, other in ipairs(item.others) do
    draft.take(d, other, math.max(quantity - 1, 0))
  end
end
"""
LUA_MUTANTS = {
    "removed: local refusal = guards.available(d, item)",
    "removed: guards.available(d, item)",
    "removed: guards.not_locked(item)",
    "removed: if quantity >= item.quantity or item.spare == true then",
    "removed: draft.take(d, other, math.max(quantity - 1, 0))",
    "swapped: guards.available(d, item) → guards.not_locked(item)",
    "swapped: local refusal = guards.available(d, item) → "
    "if quantity >= item.quantity or item.spare == true then",
    "inverted: if refusal then → if not (refusal) then",
    "inverted: if quantity >= item.quantity or item.spare == true then → "
    "if not (quantity >= item.quantity or item.spare == true) then",
    "boundary: if quantity >= item.quantity or item.spare == true then → "
    "if quantity > item.quantity or item.spare == true then",
    "and or: if quantity >= item.quantity or item.spare == true then → "
    "if quantity >= item.quantity and item.spare == true then",
    "part dropped: if quantity >= item.quantity or item.spare == true then → if item.spare == true then",
    "part dropped: if quantity >= item.quantity or item.spare == true then → "
    "if quantity >= item.quantity then",
    "equality flipped: if quantity >= item.quantity or item.spare == true then → "
    "if quantity >= item.quantity or item.spare ~= true then",
    "flag flipped: if quantity >= item.quantity or item.spare == true then → "
    "if quantity >= item.quantity or item.spare == false then",
    "order reversed: for _, other in ipairs(item.others) do → "
    "for _, other in ipairs(reversed(item.others)) do",
    "min or max: draft.take(d, other, math.max(quantity - 1, 0)) → "
    "draft.take(d, other, math.min(quantity - 1, 0))",
    "plus or minus: draft.take(d, other, math.max(quantity - 1, 0)) → "
    "draft.take(d, other, math.max(quantity + 1, 0))",
    "off by one: draft.take(d, other, math.max(quantity - 1, 0)) → "
    "draft.take(d, other, math.max(quantity - 2, 0))",
    "off by one: draft.take(d, other, math.max(quantity - 1, 0)) → "
    "draft.take(d, other, math.max(quantity - 1, 1))",
}

# File, kind, and how the code that is altered begins.
FIXED = [
    ("engine/rules/guards.py", "removed", "if item.held:"),
    ("engine/rules/guards.py", "boundary", "if actor.level < requires.level:"),
    ("engine/rules/consume.py", "swapped", "yield from guards.available(draft, item)"),
    ("engine/rules/lock.py", "inverted", "if item is None:"),
    ("engine/rules/consume.py", "min or max", "portion = min(quantity, stack.quantity)"),
    ("engine/rules/draft.py", "removed", "del self._at["),
    ("lua/rules/guards.lua", "removed", "if item.held then"),
    ("lua/rules/guards.lua", "boundary", "if actor.level < "),
    ("lua/rules/consume.lua", "swapped", "guards.available(d, {item})"),
    ("lua/rules/lock.lua", "not dropped", "if not item then"),
    ("lua/rules/consume.lua", "min or max", "local portion = math.min(quantity, entry.quantity)"),
    ("lua/rules/draft_changes.lua", "removed", "add_weight(d, container, item.facts, -item.quantity)"),
]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return vector_cases()


def shown(mutants: Sequence[Mutant]) -> set[str]:
    return {f"{mutant.kind}: {mutant.change}" for mutant in mutants}


def test_mutants_of_python() -> None:
    assert shown(python_mutants("rule.py", PYTHON)) == PYTHON_MUTANTS


def test_mutants_of_lua() -> None:
    assert shown(lua_mutants("rule.lua", LUA)) == LUA_MUTANTS


def test_lines_are_those_of_the_file() -> None:
    assert {mutant.line for mutant in python_mutants("rule.py", PYTHON)} == {3, 4, 7}
    assert {mutant.line for mutant in lua_mutants("rule.lua", LUA)} == {5, 6, 7, 10, 13, 14}


def test_unaltered_rules_live(cases: list[Case]) -> None:
    """In both languages; what Lua says is what a server says, without a server."""
    engines, rules = {}, {}
    for case in cases:
        key = case.ruleset.hash
        if key not in engines:
            engines[key], rules[key] = InventoryEngine(case.ruleset), LuaRules(case.ruleset)
        case.check_python(engines[key])
        case.check_lua(rules[key])


def test_mutants_die_by_vectors(cases: list[Case]) -> None:
    chosen = [_find(*fixed) for fixed in FIXED]
    names = {case.name for case in cases}
    died = dict(judge_all(chosen, cases))
    assert [str(mutant) for mutant in chosen if (died[mutant] or "").split(" (")[0] not in names] == []


def test_what_is_no_mutant_lives(cases: list[Case]) -> None:
    paths = ("engine/rules/lock.py", "lua/rules/lock.lua")
    same = [Mutant(path, 1, "removed", "", "", (ROOT / path).read_text("utf-8")) for path in paths]
    assert set(judge_all(same, cases)) == {(mutant, None) for mutant in same}


def test_what_loops_for_ever_is_ended(cases: list[Case]) -> None:
    loops = Mutant(
        "lua/rules/lock.lua", 1, "removed", "", "", "-- lock: x\n-- requires:\nwhile true do end\n"
    )
    assert list(judge_all([loops], cases, cpu_seconds=1)) == [(loops, TIME_LIMIT)]


def _find(path: str, kind: str, before: str) -> Mutant:
    found = [one for one in mutants_of(path) if one.kind == kind and one.before.startswith(before)]
    assert found, f"{path} has no such mutant any more: {kind}: {before}"
    return found[0]
