"""Previews tell all rules that are broken: what carrying out, which stops at the first, never shows."""

from engine.engine import InventoryEngine
from engine.ruleset import Ruleset
from tests.parity.twins import granted
from tests.vectors.vector import parse_vectors

# As vectors, but at the end stand the codes of all refusals, in their order.
LISTS = """
no container, states too        | a=plate@equipment:chest state=in_combat | move a nowhere | UNKNOWN_CONTAINER ACTOR_STATE_FORBIDS
no slot, states too             | a=plate@equipment:chest state=in_combat | move a bag:x | UNKNOWN_SLOT ACTOR_STATE_FORBIDS
no slot of the doll, states too | a=plate@equipment:chest state=in_combat | equip a tail | UNKNOWN_SLOT ACTOR_STATE_FORBIDS
not taken, no such slot         | a=dagger@bag:0                  | move a quick:9      | CONTAINER_REJECTS_ITEM SLOT_OUT_OF_RANGE
held, where it is               | a=dagger@bag:0~                 | move a bag:0        | ITEM_HELD
wrong slot, level too           | a=sword@bag:0 level=4           | equip a chest       | WRONG_SLOT LEVEL_TOO_LOW
too many for an instance        |                                 | grant potion*9 as X | INVALID_QUANTITY
no room                         | a=potion@bag:0                  | move a quick        | CONTAINER_FULL
a full stack gets no heavier    | a=elixir@bank:0 b=elixir*5@bag:0 | move a bag:0       | STACK_FULL
too many, and they must stay    | a=relic@bag:0                   | drop a *2           | INSUFFICIENT_ITEMS NOT_DESTROYABLE
one must stay, the next is free | a=relic@bag:0 b=dagger@bag:1    | drop a; move b bag:5 | NOT_DESTROYABLE

ruleset: proving.toml
nothing to sort, states too     | state=fighting                  | sort nowhere        | UNKNOWN_CONTAINER ACTOR_STATE_FORBIDS
"""  # noqa: E501


def test_all_that_is_broken_in_order(ruleset: Ruleset) -> None:
    for line in parse_vectors(LISTS, "previews"):
        engine = InventoryEngine(line.setting.ruleset(ruleset))
        session, batch = line.session(engine.ruleset.hash), line.batch()
        shown = engine.preview(session, batch, templates=granted(batch, line.setting.templates))
        assert isinstance(shown, tuple), line.name
        assert [refusal.code for refusal in shown] == line.after.split(), line.name
