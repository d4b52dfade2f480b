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


def test_what_hangs_on_a_refused_command_is_left_out(ruleset: Ruleset) -> None:
    """However long the chain of references is, and by whichever name the instance is known."""
    engine, instance = InventoryEngine(ruleset), "0198c9c17c2d7e11a0c41f2e3d4c5b6a"
    shown = engine.preview(
        empty_session(ruleset.hash),
        encode(
            [
                {"op": "grant", "template_id": "unheard_of", "quantity": 1, "item_id": instance},
                {"op": "equip", "item_id": "@0"},
                {"op": "lock", "item_id": "@1"},
                {"op": "drop", "item_id": instance},
            ]
        ),
        templates=TEMPLATES,
    )
    assert isinstance(shown, tuple)
    assert [(refusal.op_index, refusal.code) for refusal in shown] == [(0, "UNKNOWN_TEMPLATE")]


def test_ids_of_a_preview_are_nobodys(ruleset: Ruleset) -> None:
    """An instance may have any id but one of version 8, the first that a counter gives too."""
    engine = InventoryEngine(ruleset)
    given = {"op": "grant", "template_id": "dagger", "quantity": 1, "item_id": "0" * 31 + "1"}
    session = engine.apply_batch(empty_session(ruleset.hash), encode([given]), templates=TEMPLATES)
    assert isinstance(session, Applied)
    made = {"op": "grant", "template_id": "potion", "quantity": 1}
    shown = engine.preview(
        session.session, encode([made, {"op": "drop", "item_id": "0" * 31 + "1"}]), templates=TEMPLATES
    )
    assert isinstance(shown, Applied)
    assert shown.changes.removed == ("0" * 31 + "1",)
    assert [item.template_id for item in shown.changes.changed] == ["potion"]


def test_more_than_there_is_leaves_no_weight_to_judge(ruleset: Ruleset) -> None:
    engine = InventoryEngine(ruleset)
    three = {"op": "grant", "template_id": "elixir", "quantity": 3, "container": "bank"}
    session = engine.apply_batch(empty_session(ruleset.hash), encode([three]), templates=TEMPLATES)
    assert isinstance(session, Applied)
    (item_id,) = session.session.items
    split = {"op": "move", "item_id": item_id, "to": {"container": "bag"}, "quantity": 4}
    shown = engine.preview(session.session, encode([split]))
    assert isinstance(shown, tuple)
    assert [refusal.code for refusal in shown] == ["INSUFFICIENT_ITEMS"]
