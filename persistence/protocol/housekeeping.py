"""What has to be done in PostgreSQL now and then: weeks ahead, old operation ids, old weeks."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from persistence.errors import PersistenceError, Unavailable
from persistence.ledger.alone import Work, alone
from persistence.ledger.errors import WeekRefused
from persistence.ledger.retention import trim
from persistence.ledger.weeks import add_week
from persistence.operations import OPERATIONS_KEPT_S
from persistence.postgres.database import Database
from persistence.postgres.named_sql import query

_log = logging.getLogger(__name__)

INTERVAL_S = 3600.0
# While PostgreSQL is away, or held by somebody else.
RETRY_S = 60.0
WEEKS_AHEAD = 4
# Pages of the table that one transaction goes through: 2 MB, a few milliseconds.
BLOCKS_AT_ONCE = 256


class Housekeeper:
    """Does its round at the start and then about every hour, from ``start`` to ``stop``.

    Every process may have one: what is not harmless twice at once is done by one of them.
    """

    def __init__(
        self,
        database: Database,
        keep_days: int,
        *,
        interval_s: float = INTERVAL_S,
        also: Sequence[Callable[[], Awaitable[object]]] = (),
    ) -> None:
        """Drop weeks of the ledger that ended ``keep_days`` days ago; 0 keeps all of them.

        ``also``: what else is to be done in each round, harmless however many do it at once.
        """
        self._database = database
        self._keep_days = keep_days
        self._interval_s = interval_s
        self._also = also
        self._told: set[str] = set()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the loop; needs a running event loop."""
        self._loop = asyncio.create_task(self._run(), name="housekeeper")

    async def stop(self) -> None:
        """End the loop, in the midst of its round if need be: the next round takes it up again."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    async def round(self) -> bool:
        """Do once what is to be done; False when something of it should be tried again soon."""
        steps: list[Callable[[], Awaitable[object]]] = [
            self._add_weeks,
            self._forget_operations,
            *self._also,
        ]
        if self._keep_days > 0:
            steps.append(self._trim)
        done = True
        for step in steps:
            try:
                await step()
            except Unavailable as error:
                # Whoever needs PostgreSQL now says so louder.
                _log.debug("housekeeping waits: %s", error)
                done = False
            except PersistenceError as error:
                _log.warning("housekeeping: %s", error)
            except Exception:
                # What keeps one step from its end must not keep the others from theirs.
                _log.exception("housekeeping failed at one step")
        return done

    async def _run(self) -> None:
        while True:
            try:
                done = await self.round()
            except Exception:
                _log.exception("housekeeping failed; the next round is in %.0f s", self._interval_s)
                done = True
            pause_s = self._interval_s if done else min(RETRY_S, self._interval_s)
            # So that processes started together do not go on together.
            await asyncio.sleep(pause_s * random.uniform(0.9, 1.1))  # noqa: S311

    async def _add_weeks(self) -> None:
        for ahead in range(WEEKS_AHEAD + 1):
            try:
                await add_week(self._database, ahead)
            except WeekRefused as error:
                # It will be so for as long as that week is near, and the default partition does as well.
                if str(error) not in self._told:
                    self._told.add(str(error))
                    _log.warning("%s", error)

    async def _forget_operations(self) -> None:
        async with alone(self._database, Work.FORGET_OPERATIONS) as mine:
            if not mine:
                return
            async with self._database.connection() as connection:
                blocks: int = await connection.fetchval(query("operations_blocks"))
            for block in range(0, blocks, BLOCKS_AT_ONCE):
                async with self._database.transaction() as connection:
                    await connection.execute(
                        query("delete_operations"), block, block + BLOCKS_AT_ONCE, OPERATIONS_KEPT_S
                    )

    async def _trim(self) -> None:
        trimmed = await trim(self._database, self._keep_days)
        if trimmed.dropped:
            _log.info(
                "the ledger lost %d weeks, up to %s; %d baselines stand in their place",
                len(trimmed.dropped),
                trimmed.dropped[-1].ends.date().isoformat(),
                trimmed.baselines,
            )
        if trimmed.kept:
            _log.warning("the ledger keeps %s", trimmed.kept)
