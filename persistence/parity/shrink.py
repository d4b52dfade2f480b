"""Shrinking: the shortest game, with the simplest start, that still shows the same difference.

Everything is tried on a fresh session with all compared. What a smaller game shows counts only
where the twins part over the same thing, so that one difference is not traded for another.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from msgspec import ValidationError
from msgspec.structs import replace

from engine.outcome import Applied
from engine.state import InventorySessionDTO
from persistence.parity.case import Call, Case, Difference, RawCommand
from persistence.parity.lockstep import Twins, play_case
from persistence.parity.simpler import simpler_commands, simpler_starts, simpler_templates
from persistence.parity.text import with_aliases

_T = TypeVar("_T")
TIME_LIMIT_S = 60.0


class Shrinker:
    """Shrinks one case; ``tries`` counts the games that it took."""

    def __init__(self, twins: Twins, case: Case, difference: Difference) -> None:
        """``twins`` are a character to try games with; ``case`` shows ``difference``."""
        self.case, self.difference, self.tries = case, difference, 0
        self._twins = twins
        self._until = time.monotonic() + TIME_LIMIT_S

    def run(self) -> tuple[Case, Difference]:
        """The smallest case found, and its difference, which tells the same matter."""
        if not self._try(self.case):
            # Not seen again: perhaps of the server's memory, not of the session. As it was found.
            return self.case, self.difference
        self._only_the_last_call()
        self._fewer(lambda: self.case.calls, lambda calls: replace(self.case, calls=tuple(calls)))
        while self._fewer_commands() | self._only_the_last_command() | self._smaller():
            pass
        # Ids by which a vector can name its items; what is told of the difference then has them, too.
        self._try(with_aliases(self.case))
        return self.case, self.difference

    def _try(self, case: Case) -> bool:
        """Take ``case`` for the new one if it shows the difference."""
        if not case.calls or time.monotonic() > self._until:
            return False
        self.tries += 1
        try:
            found = play_case(self._twins, case)
        except (ValidationError, AssertionError, KeyError, ValueError):
            # A game that cannot be: a start or a command that got too simple to mean anything.
            return False
        if found is None or found[1].what != self.difference.what:
            return False
        # What comes after the difference is not part of it.
        self.case, self.difference = replace(case, calls=case.calls[: found[0] + 1]), found[1]
        return True

    def _only_the_last_call(self) -> None:
        """Begin where Python stood before the last call: only what drifted unseen needs more of the game."""
        state = self.case.start
        for call in self.case.calls[:-1]:
            state = self._after(state, call) or state
        self._try(replace(self.case, start=replace(state, seq=0), calls=self.case.calls[-1:]))

    def _after(self, state: InventorySessionDTO, call: Call) -> InventorySessionDTO | None:
        engine = self._twins.table.engine
        try:
            outcome = engine.apply_batch(
                state, call.decoded(), templates=self.case.templates, id_prefix=call.prefix
            )
        except Exception:
            # The difference may be that Python raises; then it has no state after the call.
            return None
        return outcome.session if isinstance(outcome, Applied) else None

    def _fewer_commands(self) -> bool:
        # All of them, not only up to the first that gets smaller.
        return sum(self._fewer_in(index) for index in range(len(self.case.calls))) > 0

    def _fewer_in(self, index: int) -> bool:
        def with_commands(kept: Sequence[RawCommand]) -> Case:
            calls = list(self.case.calls)
            calls[index] = replace(calls[index], commands=tuple(kept))
            return replace(self.case, calls=tuple(calls))

        return self._fewer(lambda: self.case.calls[index].commands, with_commands)

    def _only_the_last_command(self) -> bool:
        """Do what the first commands of the only call do beforehand, in Python."""
        if len(self.case.calls) > 1 or len(self.case.calls[0].commands) < 2:
            return False
        (call,) = self.case.calls
        before = self._after(self.case.start, replace(call, commands=call.commands[:-1], prefix="e" * 24))
        if before is None:
            return False
        return self._try(
            replace(
                self.case,
                start=replace(before, seq=0),
                calls=(replace(call, commands=call.commands[-1:]),),
            )
        )

    def _smaller(self) -> bool:
        done = self._fewer(
            lambda: tuple(self.case.start.items),
            lambda kept: replace(self.case, start=with_items(self.case.start, kept)),
        )
        for simpler in (simpler_starts, simpler_commands, simpler_templates):
            done |= self._first_of(simpler)
        return done

    def _first_of(self, simpler: Callable[[Case], Iterable[Case]]) -> bool:
        """Take simpler cases as long as one of them shows the difference."""
        done = False
        while any(self._try(case) for case in simpler(self.case)):
            done = True
        return done

    def _fewer(self, parts: Callable[[], Sequence[_T]], without: Callable[[Sequence[_T]], Case]) -> bool:
        """Delta debugging: leave out halves, quarters … single parts, as long as the difference stays."""
        done, size = False, max(1, len(parts()) // 2)
        while size:
            at = 0
            while at < len(parts()):
                kept = [*parts()[:at], *parts()[at + size :]]
                if self._try(without(kept)):
                    done = True
                else:
                    at += size
            size //= 2
        return done


def with_items(session: InventorySessionDTO, item_ids: Iterable[str]) -> InventorySessionDTO:
    """The session with these of its items alone, and the facts of their templates."""
    items = {item_id: session.items[item_id] for item_id in item_ids}
    facts = {item.template_id: session.facts[item.template_id] for item in items.values()}
    return replace(session, items=items, facts=facts)
