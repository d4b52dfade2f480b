"""A lane: one part of all characters, delivered one batch after the other, by one process at a time.

So what is delivered of a character is in order, whichever process delivers it, and a receiver has as many
requests at once as there are lanes, at the most. What one lane waits for holds up no other.
"""

import asyncio
import logging
from collections.abc import Iterable
from time import monotonic
from typing import Final

from persistence.outbox.entries import RUN_BYTES, Batch, Run, next_runs, note_delivered, note_refused
from persistence.outbox.sink import Delivered, Later, Sink
from persistence.postgres.database import Database

_log = logging.getLogger(__name__)

CHARACTERS_MAX: Final = 64
ENTRIES_MAX: Final = 256
BATCH_BYTES: Final = RUN_BYTES
# After failures without a success between them.
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 60.0
NARROWING_PAUSE_MAX_S: Final = 0.5
# How long a character is left aside whose changes are refused.
REFUSED_MIN_S: Final = 2.0
REFUSED_MAX_S: Final = 3600.0


class Lane:
    """Characters that may have something to be delivered, and how the receiver takes it.

    A batch that is refused is tried again by halves, down to the one entry that it is refused for. Its
    character is left aside, longer each time, and alone in its batch when it comes again; all others go on.
    One that takes the receiver too long is halved as well. Batches grow again with what is delivered.
    """

    def __init__(self, number: int, database: Database, sink: Sink) -> None:
        """Read from ``database``, where progress is noted, too, and deliver to ``sink``."""
        self.number = number
        # Set while there is something to do.
        self.wanted = asyncio.Event()
        self.delivered = 0
        # Since the last success.
        self.failures = 0
        # Since when the receiver puts off what waits, by the monotonic clock; None while it answers or
        # nothing waits.
        self.stalled_since: float | None = None
        self._database = database
        self._sink = sink
        self._due: dict[str, None] = {}
        # Of the next batch: characters and entries, at the most.
        self._size = CHARACTERS_MAX
        self._entries = ENTRIES_MAX
        self._refused_first = False

    def __len__(self) -> int:
        return len(self._due)

    def note(self, char_id: str) -> None:
        """The character may have something to be delivered."""
        self._due[char_id] = None
        self.wanted.set()

    def forget(self) -> None:
        """Forget who may have something."""
        self._due.clear()
        self.wanted.clear()

    async def round(self) -> float:
        """Deliver a batch; how many seconds to wait before the next.

        Nobody else may deliver this lane meanwhile. Raises ``Unavailable``, ``OutcomeUnknown``.
        """
        chosen = self._take()
        if not chosen:
            self.wanted.clear()
            self.stalled_since = None
            return 0.0
        try:
            runs = await next_runs(self._database, chosen, max(1, self._entries // len(chosen)))
            lost = [run for run in runs if not run.texts]
            if lost:
                await note_delivered(self._database, lost)
            self._refused_first = not self._refused_first
            batch, rest = _batch([run for run in runs if run.texts], self._refused_first)
            self._note_first(run.char_id for run in rest)
            if batch.runs:
                return await self._deliver(batch)
            self.stalled_since = None
            return 0.0
        except BaseException:
            # What was under way may be delivered twice, and is not forgotten.
            self._note_first(chosen)
            raise
        finally:
            if not self._due:
                self.wanted.clear()

    async def _deliver(self, batch: Batch) -> float:
        verdict = await self._sink.deliver(batch)
        if not isinstance(verdict, Later):
            self.stalled_since = None
        elif self.stalled_since is None:
            self.stalled_since = monotonic()
        if isinstance(verdict, Delivered):
            await note_delivered(self._database, batch.runs)
            for run in batch.runs:
                if run.last_seq < run.head_seq:
                    self.note(run.char_id)
            self.delivered += batch.count
            self._size = min(2 * self._size, CHARACTERS_MAX)
            self._entries = min(2 * self._entries, ENTRIES_MAX)
            self.failures = 0
            return 0.0
        self.failures += 1
        pause_s = min(PAUSE_MIN_S * 2.0 ** min(self.failures - 1, 32), PAUSE_MAX_S)
        if isinstance(verdict, Later):
            self._note_first(run.char_id for run in batch.runs)
            if verdict.too_slow:
                self._halve(batch)
            pause_s = max(pause_s, verdict.after_s)
            _log.warning("the outbox waits %.1f s: %s", pause_s, verdict.problem)
        elif batch.count > 1:
            self._note_first(run.char_id for run in batch.runs)
            self._halve(batch)
            # There is an end to it, and the receiver answers.
            pause_s = min(pause_s, NARROWING_PAUSE_MAX_S)
        else:
            await self._leave_aside(batch.runs[0], verdict.problem)
            self._size = 1
        return pause_s

    def _halve(self, batch: Batch) -> None:
        self._size = max(1, len(batch.runs) // 2)
        self._entries = max(1, batch.count // 2)

    async def _leave_aside(self, run: Run, problem: str) -> None:
        retry_s = min(REFUSED_MIN_S * 2.0 ** min(run.refusals, 32), REFUSED_MAX_S)
        _log.warning(
            "character %s: seq %d to %d are refused, the next try is in %.0f s: %s",
            run.char_id, run.first_seq, run.last_seq, retry_s, problem,
        )  # fmt: skip
        await note_refused(self._database, run, retry_s, problem)
        # Should this process end before, it is found by looking through all characters.
        asyncio.get_running_loop().call_later(retry_s + 0.1, self.note, run.char_id)

    def _take(self) -> list[str]:
        chosen: list[str] = []
        while self._due and len(chosen) < self._size:
            char_id = next(iter(self._due))
            del self._due[char_id]
            chosen.append(char_id)
        return chosen

    def _note_first(self, char_ids: Iterable[str]) -> None:
        """Put them back before all others."""
        self._due = dict.fromkeys(char_ids) | self._due
        if self._due:
            self.wanted.set()


def _batch(runs: list[Run], refused_first: bool) -> tuple[Batch, list[Run]]:
    """As many of these as one delivery takes, and the rest; what was refused before goes alone."""
    clean = [run for run in runs if not run.refusals]
    refused = [run for run in runs if run.refusals]
    if refused and (refused_first or not clean):
        return Batch((refused[0],)), [run for run in runs if run is not refused[0]]
    count = size = 0
    while count < len(clean) and size < BATCH_BYTES:
        size += clean[count].size
        count += 1
    return Batch(tuple(clean[:count])), [*clean[count:], *refused]
