"""Where a command breaks several rules the first is named, and a preview names the others, too.

Vectors named ``A before B`` show it: one for each pair of neighbours among the codes, but for pairs
that no command can break together.
"""

import re
from itertools import pairwise

import pytest

from engine.engine import InventoryEngine
from engine.outcome import Applied
from engine.refusals import RefusalCode
from engine.ruleset import Ruleset
from tests.parity.twins import granted
from tests.vectors.vector import Vector, read_vectors

VECTORS = read_vectors("precedence*.txt")
_NAME = re.compile(r"([A-Z_]+) before ([A-Z_]+)(?:, .+)?")

Pair = tuple[str, str]

IMPOSSIBLE: dict[Pair, str] = {
    ("ITEM_NOT_FOUND", "ALREADY_EXISTS"): "a grant names no item that must be there",
    ("ALREADY_EXISTS", "ITEM_HELD"): "a grant changes no item by its id",
    ("ITEM_LOCKED", "INVALID_QUANTITY"): "a lock stops neither moves nor grants",
    ("UNKNOWN_SLOT", "UNKNOWN_CONTAINER"): "a container that is unknown has no slots to know",
    ("UNKNOWN_TEMPLATE", "ACTOR_STATE_FORBIDS"): "no state forbids a grant",
    ("NOT_WEARABLE", "WRONG_SLOT"): "what is worn nowhere has no right slot",
    ("WRONG_SLOT", "NOT_USABLE"): "one is of wearing, the other of using",
    ("UNIQUE_EQUIPPED", "CARRY_LIMIT"): "one is of wearing, the other of grants",
    ("SLOT_OCCUPIED", "CANNOT_STACK"): "stacks of one template merge, and others are in each other's way",
    ("CAPACITY_IN_USE", "INSUFFICIENT_ITEMS"): "taking more than there is leaves nothing to judge",
    ("NOT_TRADEABLE", "NOT_DESTROYABLE"): "one is of moves and grants, the other of drops",
}

# Here the rule ends with the first, so that a preview does not name the second.
ENDS = frozenset(
    {
        "ITEM_NOT_FOUND before UNKNOWN_SLOT, equip",
        "ITEM_NOT_FOUND before UNKNOWN_CONTAINER, move",
        "ITEM_NOT_FOUND before ACTOR_STATE_FORBIDS, use",
        "ALREADY_EXISTS before INVALID_QUANTITY, grant",
        "ALREADY_EXISTS before UNKNOWN_CONTAINER, grant",
        "ALREADY_EXISTS before UNKNOWN_TEMPLATE, grant",
        "UNKNOWN_SLOT before CONTAINER_REJECTS_ITEM, move",
        "CONTAINER_REJECTS_ITEM before SLOT_OCCUPIED, split",
        "CONTAINER_REJECTS_ITEM before STACK_FULL, swap",
        "SLOT_OUT_OF_RANGE before SLOT_OCCUPIED, a part onto what lies beyond the end",
        "SLOT_OUT_OF_RANGE before STACK_FULL, beyond the end",
        "SLOT_OCCUPIED before STACK_FULL, swap",
    }
)


def pair_of(vector: Vector) -> Pair:
    match = _NAME.fullmatch(vector.name)
    assert match, f"{vector.where} {vector.name}: not `A before B`"
    first, second = match.groups()
    return first, second


def test_each_pair_of_neighbours_has_a_vector_or_a_reason() -> None:
    pairs = list(pairwise(code.value for code in RefusalCode))
    shown = {pair_of(vector) for vector in VECTORS}
    assert [pair for pair in pairs if pair not in shown and pair not in IMPOSSIBLE] == []
    assert [pair for pair in IMPOSSIBLE if pair in shown or pair not in pairs] == []
    assert ENDS - {vector.name for vector in VECTORS} == set()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.where} {vector.name}")
def test_a_preview_names_both(vector: Vector, ruleset: Ruleset) -> None:
    first, second = pair_of(vector)
    assert vector.after.split()[0] == first
    engine, batch = InventoryEngine(vector.setting.ruleset(ruleset)), vector.batch()
    session = vector.session(engine.ruleset.hash)
    shown = engine.preview(session, batch, templates=granted(batch, vector.setting.templates))
    assert not isinstance(shown, Applied)
    codes = [refusal.code.value for refusal in shown]
    assert codes[0] == first
    assert (second in codes[1:]) == (vector.name not in ENDS), codes
