"""Each way in which a service may go wrong, as small as can be: the checker must find it."""

from typing import Any

import pytest
from msgspec.structs import replace

from engine.outcome import Changes
from engine.refusals import Refusal
from engine.state import Item, Place
from persistence.records import TagMismatch
from tests.linearizability.checker import check
from tests.linearizability.history import History, IdTaken, Inventory
from tests.linearizability.model import Model
from tests.linearizability.scene import Exchange, Scene
from tests.linearizability.show import report


def grant(template_id: str, quantity: int = 1) -> dict[str, Any]:
    return {"op": "grant", "template_id": template_id, "quantity": quantity}


def pay(quantity: int = 1) -> dict[str, Any]:
    return {"op": "consume", "template_id": "coin", "quantity": quantity}


def move(item_id: str, slot: int) -> dict[str, Any]:
    return {"op": "move", "item_id": item_id, "to": {"container": "bag", "slot": slot}}


@pytest.fixture
def scene(model: Model) -> Scene:
    return Scene(model)


@pytest.fixture(params=["by what is shown", "with seqs"])
def judge(request: pytest.FixtureRequest, model: Model, seqless: Model) -> Model:
    """What is wrong with items must be found without a look at seqs, too."""
    return model if request.param == "with seqs" else seqless


def found(history: History, model: Model) -> None:
    assert not check(history, model).legal
    assert "no order explains" in report(history, model, "planted")


def test_lost_update(scene: Scene, judge: Model) -> None:
    """Two are applied at once, and one overwrites the other."""
    sword = scene.ask(grant("sword"))
    dagger = scene.do(grant("dagger"))
    found([sword.at(1, 4), dagger.at(2, 5), scene.read().at(6, 7)], judge)


def test_lost_update_under_sort(scene: Scene, judge: Model) -> None:
    """A sort is judged on what was read, and committed over what came in between."""
    first = scene.do(grant("potion"), grant("dagger"))
    sort = scene.ask({"op": "sort", "container": "bag"})
    dropped = scene.ask({"op": "drop", "item_id": first.made})
    scene.do({"op": "sort", "container": "bag"})
    found([first.at(1, 2), sort.at(3, 6), dropped.at(4, 5), scene.read().at(7, 8)], judge)


def test_stale_read(scene: Scene, judge: Model) -> None:
    before, stale = scene.do(grant("coin", 2)), scene.read()
    paid = scene.do(pay())
    found([before.at(1, 2), paid.at(3, 4), stale.at(5, 6)], judge)


def test_double_apply(scene: Scene, judge: Model) -> None:
    """One call, sent once, has taken effect twice."""
    first = scene.do(grant("coin", 3))
    paid = scene.do(pay())
    scene.do(pay())
    found([first.at(1, 2), paid.at(3, 4), scene.read().at(5, 6)], judge)


def test_double_apply_under_an_operation_id(model: Model, judge: Model) -> None:
    """A repeat is carried out as if it were the first."""
    forgetful = Scene(model)
    first = forgetful.do(grant("coin", 3))
    paid, again = forgetful.do(pay()), forgetful.do(pay())
    under = [Exchange(replace(each.call, op_id="pay"), each.answer) for each in (paid, again)]
    found([first.at(1, 2), under[0].at(3, 6), under[1].at(4, 7)], judge)
    found([first.at(1, 2), under[0].lost(3), under[1].at(4, 7), forgetful.read().at(8, 9)], judge)


def test_two_calls_with_one_seq(scene: Scene, model: Model, seqless: Model) -> None:
    """Each is right by itself, and what they did does not even touch."""
    coin, potion = scene.do(grant("coin")), scene.do(grant("potion"))
    same = Exchange(potion.call, replace(potion.reply, seq=1, tag="0.1"))
    found([coin.at(1, 3), same.at(2, 4)], model)
    assert check([coin.at(1, 3), same.at(2, 4)], seqless).legal, "only the seq was wrong"


def test_item_out_of_thin_air(scene: Scene, judge: Model) -> None:
    coin, read = scene.do(grant("coin")), scene.read()
    assert isinstance(read.answer, Inventory)
    air = Item(f"{'9' * 12}8{'9' * 19}", "dagger", 1, Place("bag", 0))
    seen = replace(read.answer, items=read.answer.items | {air.item_id: air})
    found([coin.at(1, 2), Exchange(read.call, seen).at(3, 4)], judge)


def test_a_refused_call_that_did_something(scene: Scene, judge: Model) -> None:
    first = scene.do(grant("coin", 1))
    refused = scene.ask(pay(2))
    assert isinstance(refused.answer, Refusal)
    scene.do(pay())
    found([first.at(1, 2), refused.at(3, 4), scene.read().at(5, 6)], judge)


def test_refused_for_another_reason(scene: Scene, judge: Model) -> None:
    first, refused = scene.do(grant("coin", 1)), scene.ask(pay(2))
    assert isinstance(refused.answer, Refusal)
    wrong = replace(refused.answer, params=refused.answer.params | {"has": 0})
    found([first.at(1, 2), Exchange(refused.call, wrong).at(3, 4)], judge)


def test_the_last_coin_is_paid_twice(scene: Scene, judge: Model) -> None:
    first, one, other = scene.do(grant("coin")), scene.ask(pay()), scene.ask(pay())
    found([first.at(1, 2), one.at(3, 5), other.at(4, 6)], judge)


def test_order_against_real_time(scene: Scene, judge: Model) -> None:
    """The dagger has the first slot, although the spear was answered before it was asked for."""
    dagger, spear = scene.do(grant("dagger")), scene.do(grant("spear"))
    found([spear.at(1, 2), dagger.at(3, 4)], judge)
    assert check([spear.at(1, 3), dagger.at(2, 4)], judge).legal, "at once, either may be first"


def test_reads_that_go_back(scene: Scene, judge: Model) -> None:
    """Two reads of one client, while a call is under way, see it and then do not."""
    before = scene.read()
    coin = scene.do(grant("coin"))
    found([coin.at(1, 6), scene.read().at(2, 3), before.at(4, 5)], judge)
    assert check([coin.at(1, 6), before.at(2, 3), scene.read().at(4, 5)], judge).legal


def test_a_replay_that_differs(scene: Scene, judge: Model) -> None:
    first = scene.do(grant("coin"), op_id="once")
    again = scene.again(first)
    assert again.reply.replayed
    more = Changes((replace(again.reply.changes.changed[0], quantity=2),), ())
    for wrong in (replace(again.reply, changes=more), replace(again.reply, replayed=False)):
        found([first.at(1, 2), Exchange(again.call, wrong).at(3, 4)], judge)


@pytest.mark.parametrize("wrong", [{"durable_seq": 1}, {"tag": "1.2"}, {"seq": 3}])
def test_a_replay_with_other_seqs(scene: Scene, model: Model, wrong: dict[str, Any]) -> None:
    before, first = scene.do(grant("potion")), scene.do(grant("coin"), op_id="once")
    again = scene.again(first)
    history = [before.at(1, 2), first.at(3, 4)]
    assert check([*history, again.at(5, 6)], model).legal
    found([*history, Exchange(again.call, replace(again.reply, **wrong)).at(5, 6)], model)


def test_an_operation_id_used_for_two_things(scene: Scene, judge: Model) -> None:
    first = scene.do(grant("coin"), op_id="once")
    other = scene.ask(grant("potion"), op_id="once")
    assert other.answer == IdTaken()
    history = [first.at(1, 2), other.at(3, 4)]
    assert check(history, judge).legal
    found([first.at(1, 2), Exchange(other.call, first.answer).at(3, 4)], judge)
    alone = Exchange(replace(other.call, op_id="twice"), IdTaken())
    found([first.at(1, 2), alone.at(3, 4)], judge)


def test_a_condition_that_was_not_kept(scene: Scene, judge: Model) -> None:
    old = scene.do(grant("coin"))
    newer = scene.do(grant("potion"))
    done = scene.ask(grant("dagger"))
    conditional = Exchange(replace(done.call, if_match=old.reply.tag), done.answer)
    found([old.at(1, 2), newer.at(3, 4), conditional.at(5, 6)], judge)


def test_a_condition_that_holds_is_not_refused(scene: Scene, model: Model) -> None:
    coin = scene.do(grant("coin"))
    call = replace(scene.ask(grant("dagger")).call, if_match=coin.reply.tag)
    found([coin.at(1, 2), Exchange(call, TagMismatch(coin.reply.tag)).at(3, 4)], model)


def test_an_incarnation_never_goes_back(scene: Scene, model: Model) -> None:
    coin, potion = scene.do(grant("coin")), scene.do(grant("potion"))
    later = [Exchange(each.call, replace(each.reply, tag=f"1.{each.reply.seq}")) for each in (coin, potion)]
    assert check([coin.at(1, 2), later[1].at(3, 4)], model).legal
    found([later[0].at(1, 2), potion.at(3, 4)], model)


def test_durable_is_more_than_it_says(scene: Scene, model: Model) -> None:
    coin = scene.do(grant("coin"))
    found([Exchange(coin.call, replace(coin.reply, durable_seq=1)).at(1, 2)], model)
    durable = replace(coin.call, durable=True)
    found([Exchange(durable, coin.answer).at(1, 2)], model)


def test_a_lost_answer_cannot_explain_two_effects(scene: Scene, judge: Model) -> None:
    first = scene.do(grant("coin", 3))
    lost = scene.do(pay())
    once, _ = scene.read(), scene.do(pay())
    history = [first.at(1, 2), lost.lost(3)]
    assert check([*history, once.at(4, 5)], judge).legal
    found([*history, scene.read().at(4, 5)], judge)


def test_a_lost_answer_has_no_effect_before_its_call(scene: Scene, judge: Model) -> None:
    lost = scene.do(grant("coin"))
    found([scene.read().at(1, 2), lost.lost(3)], judge)
