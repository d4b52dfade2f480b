"""Deliveries into a stream of a Redis or Valkey, from which consumer groups read."""

from typing import Final

from persistence.errors import PersistenceError
from persistence.link.redis_link import Argument, RedisLink
from persistence.outbox.entries import Batch
from persistence.outbox.sink import Delivered, Later, Verdict


class RedisStreamSink:
    """Appends entries to one stream, and keeps about the newest ``length_max`` of them."""

    def __init__(self, url: str, stream: str, length_max: int) -> None:
        """``url`` as for sessions; raises ``ValueError`` for what is none."""
        self._link = RedisLink(url)
        self._stream = stream
        self._length_max: Final = length_max

    async def deliver(self, batch: Batch) -> Verdict:
        """Append all of the batch, or nothing."""
        # One by one, a server that runs out of memory could take an entry and not the one before.
        commands: list[tuple[Argument, ...]] = [("MULTI",)]
        commands += (
            (
                "XADD", self._stream, "MAXLEN", "~", self._length_max, "*",
                "char_id", run.char_id, "seq", run.first_seq + n, "entry", text,
            )
            for run in batch.runs
            for n, text in enumerate(run.texts)
        )  # fmt: skip
        commands.append(("EXEC",))
        try:
            *_, done = await self._link.send(commands, harmless=True)
        except PersistenceError as error:
            return Later(str(error))
        if isinstance(done, Exception):
            return Later(f"Redis answers: {done}")
        failed = next((reply for reply in done if isinstance(reply, Exception)), None)
        return Delivered() if failed is None else Later(f"Redis answers: {failed}")

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
