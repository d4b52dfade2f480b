"""The totals that run along are those that are counted."""

import random
import uuid

import pytest

from engine.commands import Command, Destination, EquipRequest, GrantRequest, MoveRequest
from engine.engine import InventoryEngine
from engine.outcome import Applied
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import Actor, InventorySessionDTO
from persistence.moving_in.homes import Homes
from persistence.moving_in.judge import Judge
from persistence.moving_in.rows import Row
from persistence.moving_in.verdicts import Known
from persistence.sessions.id_prefixes import IdPrefixes
from tests.parity.world import ACTOR, TEMPLATES

CHAR_ID = str(uuid.UUID(int=7))


def random_rows(rng: random.Random, ruleset: Ruleset, count: int) -> list[Known]:
    places = ["", "", "", "bag", "bank", "wallet", "equipment", "overflow"]
    rows = []
    for number in range(1, count + 1):
        facts = rng.choice(list(TEMPLATES.values()))
        container, slot = rng.choice(places), ""
        if rng.random() < 0.4:
            container = rng.choice(["bag", "bank", "quick", "overflow"])
            slot = str(rng.randrange(26))
        elif rng.random() < 0.2:
            container, slot = EQUIPMENT, rng.choice(list(ruleset.slots))
        item_id = uuid.UUID(int=rng.getrandbits(128)).hex if rng.random() < 0.3 else ""
        quantity = rng.choice([1, 1, 2, 5, 30])
        row = Row("o", facts.template_id, quantity, container, slot, item_id, rng.random() < 0.1, False, None)
        rows.append(Known(number, row, facts))
    return rows


@pytest.mark.parametrize("seed", range(10))
def test_totals_are_what_a_recount_gives(ruleset: Ruleset, seed: int) -> None:
    rng = random.Random(seed)
    actor = rng.choice([ACTOR, Actor(), Actor(level=9, class_="warrior", attributes={"strength": 20})])
    judge = Judge(Homes(ruleset), "overflow", CHAR_ID, actor, IdPrefixes().fresh())
    rows = random_rows(rng, ruleset, 60)
    judged = judge.judge(rows)
    running = judge._draft
    facts = {item.template_id: TEMPLATES[item.template_id] for item in judged.items.values()}
    session = InventorySessionDTO(CHAR_ID, 1, ruleset.hash, actor, dict(judged.items), facts)
    counted = Draft(ruleset, session, {}, "0" * 24)
    assert running._at == counted._at
    assert (running.weight(), running.carry_limit()) == (counted.weight(), counted.carry_limit())
    for name in ruleset.containers:
        assert running.total(name) == counted.total(name), name
        assert running.lowest_gap(name) == counted.lowest_gap(name), name
        for template_id, one in TEMPLATES.items():
            open_stacks = [
                item for item in counted.stacks(name, template_id) if item.quantity < one.stack_limit
            ]
            if ruleset.containers[name].kind != "purse":
                assert running.stacks(name, template_id) == open_stacks
    for template_id in TEMPLATES:
        assert running.count(template_id) == counted.count(template_id)
        assert running.worn(template_id) == counted.worn(template_id)
    for group in ruleset.limit_groups:
        assert running.count_group(group) == counted.count_group(group)
        assert running.worn_group(group) == counted.worn_group(group)
    # And nothing is lost: what rows have is there, or told.
    there = sum(item.quantity for item in judged.items.values())
    assert there + sum(judged.rejected.values()) == sum(known.row.quantity for known in rows)
    within = all(
        counted.total(item.place.container) is None
        or item.place.slot < (counted.total(item.place.container) or 0)  # type: ignore[operator]
        for item in judged.items.values()
        if item.place.container != EQUIPMENT and ruleset.containers[item.place.container].kind == "slots"
    )
    assert within and counted.weight() <= counted.carry_limit()


@pytest.mark.parametrize("seed", range(10))
def test_a_player_could_have_come_to_the_same(ruleset: Ruleset, seed: int) -> None:
    """Every item can be granted and put where it is, one by one, by commands that nobody refuses."""
    rng = random.Random(1000 + seed)
    actor = Actor(level=rng.choice([1, 9]), class_="warrior", attributes={"strength": rng.choice([0, 20])})
    judge = Judge(Homes(ruleset), "overflow", CHAR_ID, actor, IdPrefixes().fresh())
    judged = judge.judge(random_rows(rng, ruleset, 40))
    engine = InventoryEngine(ruleset)
    session = InventorySessionDTO(CHAR_ID, 0, ruleset.hash, actor, {}, {})
    for number, item in enumerate(judged.items.values()):
        container, slot = item.place.container, item.place.slot
        purse = container != EQUIPMENT and ruleset.containers[container].kind == "purse"
        # What is worn may only have been bound by that; a mailbox takes no move, and so is where it begins.
        bound = item.bound and TEMPLATES[item.template_id].bind != "equip"
        own_id = None if purse else f"{number:012x}4000a{number:015x}"
        grant = GrantRequest(
            item.template_id,
            item.quantity,
            container=container if purse else "overflow",
            bound=bound,
            item_id=own_id,
        )
        commands: list[Command] = [grant]
        if container == EQUIPMENT:
            commands.append(EquipRequest("@0", str(slot)))
        elif not purse and container != "overflow":
            commands.append(MoveRequest("@0", Destination(container, slot)))
        outcome = engine.apply_batch(session, commands, templates=TEMPLATES, id_prefix=f"{number:024x}")
        assert isinstance(outcome, Applied), (item, outcome)
        session = outcome.session
    assert {(i.place.container, i.template_id, i.quantity) for i in session.items.values()} == {
        (i.place.container, i.template_id, i.quantity) for i in judged.items.values()
    }
