"""Histories that look wrong and are not: the checker must find the order that explains them."""

import pytest
from msgspec.structs import replace

from engine.refusals import Refusal
from tests.linearizability.checker import check
from tests.linearizability.history import Execute, Operation, Stand, Standing
from tests.linearizability.model import Model
from tests.linearizability.prefixes import with_prefixes
from tests.linearizability.scene import Exchange, Scene
from tests.linearizability.test_planted_violations import grant, pay


@pytest.fixture
def scene(model: Model) -> Scene:
    return Scene(model)


@pytest.fixture(params=["by what is shown", "with seqs"])
def judge(request: pytest.FixtureRequest, model: Model, seqless: Model) -> Model:
    return model if request.param == "with seqs" else seqless


def test_nothing_at_all(judge: Model) -> None:
    assert check([], judge).legal


def test_answers_in_another_order_than_effects(scene: Scene, judge: Model) -> None:
    first, second, third = (scene.do(grant(name)) for name in ("dagger", "spear", "dagger"))
    assert check([third.at(1, 4), second.at(2, 5), first.at(3, 6)], judge).legal


def test_refused_by_what_was_answered_later(scene: Scene, judge: Model) -> None:
    """The last coin is gone for the one before the other knows that it has it."""
    first, paid = scene.do(grant("coin")), scene.do(pay())
    refused = scene.ask(pay())
    assert isinstance(refused.answer, Refusal)
    assert check([first.at(1, 2), paid.at(3, 9), refused.at(4, 5)], judge).legal


def test_a_lost_call_takes_effect_long_after(scene: Scene, judge: Model) -> None:
    first, between = scene.do(grant("coin", 2)), scene.read()
    lost = scene.do(pay())
    history = [first.at(1, 2), lost.lost(3), between.at(4, 5), between.at(6, 7), scene.read().at(8, 9)]
    assert check(history, judge).legal


def test_a_lost_call_never_takes_effect(scene: Scene, judge: Model) -> None:
    first, lost = scene.do(grant("coin")), scene.ask(pay())
    assert check([first.at(1, 2), lost.lost(3), scene.read().at(4, 5)], judge).legal


def test_a_repeat_is_carried_out_and_the_lost_call_comes_late(scene: Scene, judge: Model) -> None:
    first = scene.do(grant("coin", 2))
    repeat = scene.do(pay(), op_id="pay")
    seen = scene.read()
    assert check([first.at(1, 2), repeat.lost(3), repeat.at(4, 5), seen.at(6, 7)], judge).legal


def test_a_repeat_tells_what_the_lost_call_did(scene: Scene, judge: Model) -> None:
    lost = scene.do(grant("coin"), op_id="once")
    scene.do(grant("potion"))
    repeat = scene.again(lost)
    assert repeat.reply.replayed
    history = [lost.lost(1), repeat.at(2, 3)]
    assert check(history, judge).legal
    assert not check([*history, scene.read().at(4, 5)], judge).legal, "nobody has granted the potion"


def test_a_call_sent_twice_at_once(scene: Scene, judge: Model) -> None:
    """Whichever is carried out, the other repeats its reply, even if it is answered first."""
    first = scene.do(grant("coin"), op_id="once")
    again = scene.again(first)
    for history in ([first.at(1, 3), again.at(2, 4)], [first.at(2, 4), again.at(1, 3)]):
        assert check([*history, scene.read().at(5, 6)], judge).legal


def test_refused_calls_leave_no_operation_id(scene: Scene, judge: Model) -> None:
    refused = scene.ask(pay(), op_id="pay")
    coin, paid = scene.do(grant("coin")), scene.do(pay(), op_id="pay")
    assert check([refused.at(1, 4), coin.at(2, 3), paid.at(5, 6)], judge).legal


def test_a_lost_call_made_what_others_show(scene: Scene, judge: Model) -> None:
    """The gateway makes ids, and the reply that would have told them is lost: a read tells them."""
    lost, other = scene.do(grant("dagger")), scene.do(grant("spear"))
    drop = scene.do({"op": "drop", "item_id": lost.made})
    seen = [other.at(2, 3), drop.at(4, 5), scene.read().at(6, 7)]
    assert check(unprefixed([lost.lost(1), *seen]), judge).legal
    assert not check(unprefixed([*seen]), judge).legal
    other_kind = Exchange(replace(lost.call, commands=other.call.commands), lost.answer)
    assert not check(unprefixed([other_kind.lost(1), *seen]), judge).legal


def test_a_lost_call_made_what_nobody_has_seen(scene: Scene, judge: Model) -> None:
    """It took the slot before the other one's, and was gone before anybody looked."""
    lost, other = scene.do(grant("potion")), scene.do(grant("dagger"))
    drunk = scene.do({"op": "consume", "template_id": "potion", "quantity": 1})
    history = [lost.lost(1), other.at(2, 3), drunk.lost(4), scene.read().at(5, 6)]
    assert check(unprefixed(history), judge).legal
    assert not check(unprefixed(history[1:]), judge).legal, "the dagger is in the second slot"


def test_a_condition_on_another_incarnation(scene: Scene, model: Model) -> None:
    """A load has raised it in between: seq and content are the same, the tag is not."""
    coin = scene.do(grant("coin"))
    missed = scene.ask(grant("potion"), if_match="0.7")
    raised = replace(missed.answer, tag="1.1")
    conditional = replace(missed.call, if_match=coin.reply.tag)
    assert check([coin.at(1, 2), Exchange(conditional, raised).at(3, 4)], model).legal


def test_a_load_tells_where_it_stands(scene: Scene, model: Model) -> None:
    coin = scene.do(grant("coin"))
    for seq, legal in ((0, True), (1, True), (2, False)):
        load = Exchange(Stand("load"), Standing(seq, 0))
        assert check([coin.at(1, 3), load.at(2, 4)], model).legal == legal
    save = Exchange(Stand("save"), Standing(0, 0))
    assert not check([coin.at(1, 2), save.at(3, 4)], model).legal


def test_many_at_once_are_no_trouble(model: Model, seqless: Model) -> None:
    """Twelve calls at once, five of them with lost answers, none of which shows its place."""
    scene = Scene(model)
    first = scene.do(grant("coin", 50))
    paid = [scene.do(pay(number + 1)) for number in range(9)]
    history = [first.at(1, 2), scene.read().at(50, 51)]
    for number, each in enumerate(reversed(paid), start=3):
        history.append(each.lost(number) if number % 2 else each.at(number, 40 + number))
    for judge in (model, seqless):
        verdict = check(history, judge)
        assert verdict.legal and verdict.configurations < 5_000


def unprefixed(history: list[Operation]) -> list[Operation]:
    """As it comes over HTTP, where only answers tell what ids begin with."""
    return with_prefixes(
        [
            replace(each, call=replace(each.call, prefixes=())) if isinstance(each.call, Execute) else each
            for each in history
        ]
    )
