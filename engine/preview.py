"""What a call would do, or everything that speaks against it; nothing is changed by asking."""

from collections.abc import Sequence

from engine.commands import Command, GrantRequest
from engine.refusals import Refusal
from engine.rules.apply import judged
from engine.rules.draft import Draft


def judge_all(draft: Draft, commands: Sequence[Command]) -> tuple[Draft, list[Refusal]]:
    """The draft after the commands that can be done, and all rules that the others break.

    A command that is refused leaves nothing behind for the next ones, and one that names an item
    which a refused command would have made is not judged. Refusals stand in the order in which
    the rules are tested, so the first of all is the one that carrying out the call gives.
    """
    violations: list[Refusal] = []
    refused: set[str] = set()
    for op_index, command in enumerate(commands):
        if getattr(command, "item_id", None) in refused:
            refused.add(f"@{op_index}")
            continue
        kept = draft.fork()
        draft.begin(op_index)
        if found := list(judged(draft, command)):
            violations += (Refusal(refusal.code, refusal.params, op_index) for refusal in found)
            refused.add(f"@{op_index}")
            draft = kept
            given = command.item_id if isinstance(command, GrantRequest) else None
            if given is not None and given not in draft.items:
                refused.add(given)
    return draft, violations
