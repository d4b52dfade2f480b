"""What a vector says comes out, compared with what came out; raises AssertionError."""

from engine.outcome import Applied, Outcome, Told
from engine.refusals import Refusal
from engine.state import InventorySessionDTO
from tests.vectors.item_text import actor_words, alias_of, full_word, id_of, item_word

_IDS = ("item_id", "onto")
# There are more changes than those that are told.
AND_MORE = "..."


def check_outcome(text: str, outcome: Outcome, before: InventorySessionDTO) -> None:
    """Compare an outcome with the words for it."""
    words = text.split()
    if words[0].isupper():
        assert isinstance(outcome, Refusal), f"applied: {sorted(_made(outcome, before, words))}"
        _check_refusal(words, outcome)
        return
    assert isinstance(outcome, Applied), f"refused: {outcome}"
    made = _made(outcome, before, words)
    wanted = {full_word(word, before) for word in words if word not in ("none", AND_MORE)}
    same = wanted <= made if AND_MORE in words else wanted == made
    assert same, f"is {sorted(made)}, not {sorted(wanted)}"


def _check_refusal(words: list[str], refusal: Refusal) -> None:
    code, *told = words
    assert refusal.code == code, f"refused: {refusal}"
    params = {name: str(value) for name, value in refusal.params.items()}
    params["op_index"] = str(refusal.op_index)
    for word in told:
        name, value = word.split("=")
        wanted = id_of(value) if name in _IDS else value
        assert params.get(name) == wanted, f"{word}: {refusal}"


def _made(applied: Applied, before: InventorySessionDTO, words: list[str]) -> set[str]:
    """All that came out, as words; a new item is shown with its alias where ``words`` tell that."""
    made = set()
    for item in applied.changes.changed:
        alias = alias_of(item.item_id)
        begin = alias
        if item.item_id not in before.items:
            named = any(word.startswith(f"+{alias}=") for word in words)
            begin = f"+{alias}={item.template_id}" if named else f"+{item.template_id}"
        word = item_word(item, begin)
        assert word not in made, f"twice: {word}"
        made.add(word)
    made |= {f"-{alias_of(item_id)}" for item_id in applied.changes.removed}
    if applied.changes.actor is not None:
        made |= actor_words(applied.changes.actor) - actor_words(before.actor)
    several = len(applied.told) > 1
    return made | {f"{one.op_index}:" * several + _told_word(one) for one in applied.told}


def _told_word(told: Told) -> str:
    return f"effect={told.effect.template_id}" if told.effect else f"not_placed={told.not_placed}"
