"""The checker on histories that are made up: it accepts what is legal, and agrees with two other ways."""

import random

import pytest
from msgspec.structs import replace

from tests.linearizability.brute_force import explains
from tests.linearizability.by_seq import legal_by_seq
from tests.linearizability.checker import check
from tests.linearizability.history import Operation, cut
from tests.linearizability.making import MUTATIONS, legal_history
from tests.linearizability.model import Model
from tests.linearizability.shrink import shrink

SHARE_REJECTED_MIN = 0.6


def mutated(rng: random.Random, history: list[Operation]) -> list[Operation]:
    """Broken in one way; unchanged where there is nothing to break in that way."""
    try:
        return rng.choice(MUTATIONS)(rng, history)
    except (IndexError, ValueError):
        return history


def forgotten(rng: random.Random, history: list[Operation]) -> list[Operation]:
    """With answers that are not looked at any more."""
    return [replace(each, answer=None) if rng.random() < 0.5 else each for each in history]


def known(history: list[Operation]) -> bool:
    return all(operation.answered is not None for operation in history)


@pytest.mark.parametrize("seed", range(5))
def test_legal_histories_are_accepted(model: Model, seqless: Model, seed: int) -> None:
    rng, checked_by_seq = random.Random(seed), 0
    for _ in range(40):
        history = legal_history(rng, model, rng.randint(5, 40))
        assert check(history, model).legal
        assert check(history, seqless).legal
        if known(history):
            checked_by_seq += 1
            assert legal_by_seq(history, model)
    assert checked_by_seq >= 4


def test_what_is_legal_was_legal_at_every_time(model: Model) -> None:
    rng = random.Random(5)
    for _ in range(10):
        history = legal_history(rng, model, 20)
        for time in range(0, 40, 3):
            assert check(cut(history, time), model).legal


@pytest.mark.parametrize("shows_seq", [True, False])
def test_brute_force_comes_to_the_same_verdict(model: Model, seqless: Model, shows_seq: bool) -> None:
    judge, rng, verdicts = (model if shows_seq else seqless), random.Random(6), []
    for _ in range(250):
        history = legal_history(rng, model, rng.randint(3, 7))
        if rng.random() < 0.7:
            history = mutated(rng, history)
        if rng.random() < 0.3:
            history = forgotten(rng, history)
        verdict = check(history, judge).legal
        assert verdict == explains(history, judge, judge.start)
        verdicts.append(verdict)
    assert 80 < sum(verdicts) < 200, "both verdicts are common"


def test_most_mutations_are_rejected_and_by_seq_all_the_same(model: Model) -> None:
    rng, rejected, broken = random.Random(7), 0, 0
    for _ in range(250):
        history = legal_history(rng, model, rng.randint(10, 24))
        wrong = mutated(rng, history)
        if wrong == history:
            continue
        legal = check(wrong, model).legal
        broken, rejected = broken + 1, rejected + (not legal)
        if known(wrong):
            assert legal == legal_by_seq(wrong, model)
    assert broken > 150
    assert rejected / broken >= SHARE_REJECTED_MIN


def test_what_is_shrunk_is_smaller_and_still_illegal(model: Model) -> None:
    rng, shrunk = random.Random(8), 0
    for _ in range(25):
        history = mutated(rng, legal_history(rng, model, 24))
        if not check(history, model).legal:
            small = shrink(history, model)
            shrunk += 1
            assert len(small) <= len(history)
            assert sum(each.answer is not None for each in small) <= 6
            assert not check(small, model).legal
    assert shrunk >= 10
