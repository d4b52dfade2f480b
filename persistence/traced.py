"""The parts of persistence that are seen in traces.

They stand in for the usual ones, which know nothing of it: who does not trace pays nothing.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from persistence.link.redis_link import RedisLink
from persistence.protocol.loader import Loader
from persistence.protocol.write_behind import Failures, WriteBehind
from persistence.records import FlushResult, FlushWork
from persistence.sessions.session_state import Probe
from persistence.spans import Spans

# Of a function's name, the library's stamp.
_STAMP: Final = re.compile(r"_[0-9a-f]{12}\Z")


class Parts(NamedTuple):
    """What is made differently where there are traces."""

    link: type[RedisLink] = RedisLink
    loader: type[Loader] = Loader
    writes: type[WriteBehind] = WriteBehind


def parts_of(spans: Spans | None) -> Parts:
    """The usual parts, or those that make their spans by ``spans``."""
    if spans is None:
        return Parts()
    made = {"spans": spans}
    return Parts(
        type("Link", (TracedLink,), made),
        type("Loader", (TracedLoader,), made),
        type("Writes", (TracedWriteBehind,), made),
    )


class TracedLink(RedisLink):
    """A link whose calls are spans of the requests that they belong to."""

    spans: Spans

    def _ask(self, packed: bytes, count: int, *, harmless: bool) -> asyncio.Future[Any]:
        future = super()._ask(packed, count, harmless=harmless)
        end = self.spans.begun(f"redis {command_of(packed)}", commands=count)
        if end is not None:
            future.add_done_callback(lambda done: end(None if done.cancelled() else done.exception()))
        return future


class TracedLoader(Loader):
    """A loader whose loads are spans of the requests that asked first."""

    spans: Spans

    async def _load(self, char_id: str) -> tuple[Probe, bool]:
        with self.spans.during("load session", character=char_id):
            return await super()._load(char_id)


class TracedWriteBehind(WriteBehind):
    """A write-behind whose batches are traces of their own, since they belong to many requests."""

    spans: Spans

    async def write(self, batch: Mapping[str, FlushWork], failures: Failures) -> dict[str, FlushResult]:
        """As any, in a span where there is something to write."""
        if not batch:
            return {}
        entries = sum(len(work.entries) for work in batch.values())
        with self.spans.during("flush batch", sessions=len(batch), entries=entries):
            return await super().write(batch, failures)


def command_of(packed: bytes) -> str:
    """The name of a packed command, or of the function that it calls; of several, the first's."""
    parts = packed.split(b"\r\n", 5)
    name = parts[2].decode("ascii", "replace")
    if name == "FCALL":
        name = _STAMP.sub("", parts[4].decode("ascii", "replace"))
    return name
