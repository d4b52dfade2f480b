"""A preview tells what carrying out would: the same outcome, or the same refusal first of several."""

import random

from engine.engine import InventoryEngine
from engine.outcome import Applied
from engine.refusals import Refusal, RefusalCode
from engine.ruleset import Ruleset
from tests.parity.twins import encode
from tests.parity.world import TEMPLATES, empty_session, random_command

PLACE = {code: place for place, code in enumerate(RefusalCode)}


def test_previews_agree_with_carrying_out(ruleset: Ruleset) -> None:
    """And rules are tested in their order of precedence; but that a grant takes more new stacks than
    a call may make, INVALID_QUANTITY, shows only while it is being placed."""
    engine = InventoryEngine(ruleset)
    several = 0
    for seed in range(12):
        rng = random.Random(seed)
        session = empty_session(ruleset.hash)
        for step in range(400):
            batch = encode([random_command(rng, session, index) for index in range(rng.choice((1, 1, 3)))])
            outcome = engine.apply_batch(session, batch, templates=TEMPLATES, id_prefix=f"{step:024x}")
            shown = engine.preview(session, batch, templates=TEMPLATES, id_prefix=f"{step:024x}")
            if isinstance(outcome, Applied):
                assert shown == outcome
                session = outcome.session
                continue
            assert isinstance(shown, tuple)
            assert shown[0] == outcome
            of_one = [PLACE[refusal.code] for refusal in shown if refusal.op_index == outcome.op_index]
            several += len(set(of_one)) > 1
            of_one = [place for place in of_one if place != PLACE[RefusalCode.INVALID_QUANTITY]]
            assert of_one == sorted(of_one), (batch, shown)
    assert several > 100


def test_all_rules_that_are_broken_are_told(ruleset: Ruleset) -> None:
    """One command, five rules."""
    engine = InventoryEngine(ruleset)
    granted = engine.apply_batch(
        empty_session(ruleset.hash),
        encode(
            [
                {"op": "grant", "template_id": "greatsword", "quantity": 1},
                {"op": "lock", "item_id": "@0"},
                {
                    "op": "set_actor",
                    "attributes": {"strength": 0, "dexterity": 0},
                    "states": {"add": ["stunned", "dead"]},
                },
            ]
        ),
        templates=TEMPLATES,
    )
    assert isinstance(granted, Applied)
    (item_id,) = granted.session.items
    shown = engine.preview(granted.session, encode([{"op": "equip", "item_id": item_id}]))
    assert isinstance(shown, tuple)
    assert [(refusal.code, *list(refusal.params.values())[:2]) for refusal in shown] == [
        ("ACTOR_STATE_FORBIDS", "two_hand", "stunned"),
        ("ACTOR_STATE_FORBIDS", "two_hand", "dead"),
        ("ATTRIBUTE_TOO_LOW", item_id, "strength"),
        ("ATTRIBUTE_TOO_LOW", item_id, "dexterity"),
    ]


def test_later_commands_are_judged_without_the_refused(ruleset: Ruleset) -> None:
    engine = InventoryEngine(ruleset)
    shown = engine.preview(
        empty_session(ruleset.hash),
        encode(
            [
                {"op": "grant", "template_id": "plate", "quantity": 1, "container": "wallet"},
                {"op": "equip", "item_id": "@0"},
                {"op": "grant", "template_id": "sword", "quantity": 1},
                {"op": "equip", "item_id": "@2", "slot": "chest"},
                {"op": "drop", "item_id": "f" * 32},
            ]
        ),
        templates=TEMPLATES,
    )
    assert isinstance(shown, tuple)
    assert [(refusal.op_index, refusal.code) for refusal in shown] == [
        (0, "CONTAINER_REJECTS_ITEM"),
        (3, "WRONG_SLOT"),
        (4, "ITEM_NOT_FOUND"),
    ]
    assert isinstance(shown[0], Refusal)
