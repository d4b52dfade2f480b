"""The engine: the rules as one pure function over sessions, and the oracle of every test."""

from collections.abc import Mapping, Sequence

from engine.commands import Command
from engine.facts import Facts
from engine.outcome import Applied, Changes, Outcome
from engine.preview import judge_all
from engine.refusals import Refusal
from engine.rules.apply import apply
from engine.rules.draft import Draft
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO
from engine.totals import capacity_of

# Of version 8, so that no item from elsewhere has such an id.
PREVIEW_IDS = f"{0:012}8{0:03}8{0:07}"


class InventoryEngine:
    """Judges commands by one ruleset. It has no state, no I/O, no clock and no random."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Judge by ``ruleset``."""
        self.ruleset = ruleset

    def apply(
        self,
        session: InventorySessionDTO,
        command: Command,
        *,
        templates: Mapping[str, Facts] | None = None,
        id_prefix: str = "0" * 24,
    ) -> Outcome:
        """Apply one command: a new session and its changes, or a refusal; the input is never altered.

        ``templates`` has facts by template id for grants of templates that the session does not
        hold; ``id_prefix``, 24 hex digits, begins the ids of new items and must be fresh.
        """
        return self.apply_batch(session, [command], templates=templates, id_prefix=id_prefix)

    def apply_batch(
        self,
        session: InventorySessionDTO,
        commands: Sequence[Command],
        *,
        templates: Mapping[str, Facts] | None = None,
        id_prefix: str = "0" * 24,
    ) -> Outcome:
        """Apply commands in order, all or nothing; they count as one call and raise ``seq`` by one.

        A later command sees the effects of the earlier ones and may name the first item that an
        earlier one made as "@" and that command's index.
        """
        draft = Draft(self.ruleset, session, templates or {}, id_prefix)
        if refusal := apply(draft, commands):
            return refusal
        return _applied(session, draft)

    def preview(
        self,
        session: InventorySessionDTO,
        commands: Sequence[Command],
        *,
        templates: Mapping[str, Facts] | None = None,
        id_prefix: str = PREVIEW_IDS,
    ) -> Applied | tuple[Refusal, ...]:
        """What ``apply_batch`` would answer, but with every rule that is broken, not only the first."""
        draft, violations = judge_all(Draft(self.ruleset, session, templates or {}, id_prefix), commands)
        return tuple(violations) or _applied(session, draft)


def _applied(before: InventorySessionDTO, draft: Draft) -> Applied:
    after = _session_after(before, draft)
    return Applied(
        after,
        _changes(before, after, draft),
        tuple(draft.told),
        capacity_of(draft, draft.touched_containers),
    )


def _session_after(before: InventorySessionDTO, draft: Draft) -> InventorySessionDTO:
    facts = {item.template_id: draft.facts_of(item) for item in draft.items.values()}
    return InventorySessionDTO(
        before.char_id, before.seq + 1, before.ruleset, draft.actor, draft.items, facts
    )


def _changes(before: InventorySessionDTO, after: InventorySessionDTO, draft: Draft) -> Changes:
    changed = [
        after.items[item_id]
        for item_id in draft.touched
        if item_id in after.items and after.items[item_id] != before.items.get(item_id)
    ]
    removed = [item_id for item_id in draft.touched if item_id in before.items and item_id not in after.items]
    return Changes(tuple(changed), tuple(removed), after.actor if after.actor != before.actor else None)
