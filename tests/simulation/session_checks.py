"""What must hold of a session right after each call of a function (docs/protocol.md)."""

from collections.abc import Sequence
from typing import Any

from persistence.sessions.session_fields import facts_text
from tests.simulation.catalog import Catalog
from tests.simulation.postgres_model import PostgresModel
from tests.simulation.processes import KEYS, Settings
from tests.simulation.redis_model import RedisModel

# Answers after which nothing may have been written.
_NOT_DONE = {"REPLAYED", "RELOAD", "STALE_CATALOG", "TAG_MISMATCH", "IDEMPOTENCY_MISMATCH", "BACKPRESSURE"}
IDLE = {
    "session_execute": _NOT_DONE | {"REFUSED"},
    "session_commit": _NOT_DONE | {"CONFLICT", "ADMITTED"},
    "session_open": {"KEPT", "RETRY", "REJECT"},
    "session_adopt": {"KEPT", "RETRY", "ABSENT", "BEHIND"},
    "session_close": {"CHANGED"},
}
# As ``lua/functions/node.lua`` has it.
SNAPSHOT_AGE_MAX_MS = 30_000


class Violation(AssertionError):
    """An invariant that does not hold."""


class SessionChecks:
    """Looks at sessions in Redis; every method may raise ``Violation``."""

    def __init__(
        self, redis: RedisModel, postgres: PostgresModel, settings: Settings, catalog: Catalog
    ) -> None:
        self.redis, self.postgres = redis, postgres
        self._settings, self._catalog = settings, catalog
        self._turn_ms_max = max(settings.lease_ms, settings.flush_interval_ms)
        # What each tag of each character stands for, and the epoch and seq that were seen last.
        self._tags: dict[tuple[str, bytes, bytes], bytes] = {}
        self._last: dict[str, tuple[int, int]] = {}

    def forget(self) -> None:
        """The data may be older now than they were."""
        self._last.clear()

    def after(self, name: str, word: str, char_id: str, args: Sequence[Any], before: Sequence[Any]) -> None:
        """``name`` has answered ``word``; ``before``: where the session stood."""
        here = self.redis.standing(KEYS.of(char_id), char_id)
        if here[0] == before[0]:
            return
        if word in IDLE.get(name, ()):
            raise Violation(f"{char_id}: {name} answered {word} and wrote something")
        if word == "REPLACED":
            # What gives way to PostgreSQL's state may have been ahead of it, on a line of its own.
            self._last.pop(char_id, None)
        self._written(name, char_id, here)
        if name == "session_close" and word == "OK":
            self._closed(char_id, [str(part) for part in args[:3]], before)
        elif name == "session_settle" and str(args[0]).encode() != before[2]:
            raise Violation(f"{char_id}: settled by a flush of epoch {args[0]}, it is of {before[2]}")
        elif name in ("session_open", "session_adopt"):
            self._opened(char_id, here[-1], int(args[1]))
        elif name in ("session_execute", "session_commit"):
            _, status, *_, turn, dirty_since, _ = here
            self._applied(char_id, status, turn, int(dirty_since))

    def _written(self, name: str, char_id: str, standing: Sequence[Any]) -> None:
        """Something was written: what is true of every session is true of this one."""
        _, status, epoch, incarnation, seq, flushed, size, first, turn, dirty, _ = standing
        if status is None:
            self._last.pop(char_id, None)
            return
        here, done, written = int(epoch), int(seq), int(flushed)
        if not written <= done or size != done - written or (size and int(first) != written + 1):
            raise Violation(
                f"{char_id}: after {name} its journal has {size} from {first}, of {written}..{done}"
            )
        row = self.postgres.characters[char_id]
        if written > row.seq or here > row.epoch:
            raise Violation(
                f"{char_id}: after {name} seq {written} of epoch {here} is said to be durable,"
                f" PostgreSQL has {row.seq} of {row.epoch}"
            )
        if (dirty is not None) != (size > 0):
            raise Violation(f"{char_id}: after {name} {size} entries and dirty_since {dirty}")
        if turn is None and status != b'"QUARANTINED"':
            raise Violation(f"{char_id}: after {name} it is not in its due queue")
        last = self._last.get(char_id)
        if last is not None and (here < last[0] or (done < last[1])):
            raise Violation(f"{char_id}: after {name} epoch and seq went from {last} to {(here, done)}")
        self._last[char_id] = (here, done)
        tag, content = (char_id, incarnation, seq), self.redis.content(KEYS.of(char_id))
        if self._tags.setdefault(tag, content) != content:
            raise Violation(
                f"{char_id}: tag {incarnation.decode()}.{seq.decode()} stands for two states after {name}"
            )

    def _closed(self, char_id: str, args: Sequence[str], before: Sequence[Any]) -> None:
        """A step of a close was done: it was about the session that it was meant for."""
        step, epoch, seq = args
        _, status, own_epoch, _, own_seq, *_ = before
        if step == "finish":
            if (status, own_epoch.decode(), own_seq.decode()) != (b'"CLOSING"', epoch, seq):
                raise Violation(f"{char_id}: {epoch}, {seq} was to be ended, it was {before}")
            if self.postgres.characters[char_id].seq < int(own_seq):
                raise Violation(f"{char_id}: ended at {seq}, which PostgreSQL does not have")
        elif step == "resume" and status != b'"CLOSING"':
            raise Violation(f"{char_id}: a close was resumed of a session that is {status}")
        elif step == "begin" and status == b'"LIVE"' and seq not in ("", own_seq.decode()):
            raise Violation(f"{char_id}: idle at {seq}, and closed at {own_seq.decode()}")

    def _opened(self, char_id: str, gen: bytes, read_at_ms: int) -> None:
        """A load has had its effect: on the node where it began, and not too late."""
        node = self.redis.node
        if gen != b'"%s:%s"' % (node.run_id, node.replid):
            raise Violation(f"{char_id}: opened under {gen}, which is not the node's")
        age_ms = self.redis.clock_us // 1000 - read_at_ms
        if age_ms > SNAPSHOT_AGE_MAX_MS:
            raise Violation(f"{char_id}: what was read {age_ms} ms ago was installed")

    def _applied(self, char_id: str, status: bytes, turn_ms: float, dirty_since_ms: int) -> None:
        """A call was applied: to a live session, which is due soon and has not waited too long."""
        if status != b'"LIVE"':
            raise Violation(f"{char_id}: a call was applied to a session that is {status}")
        now_ms = self.redis.clock_us // 1000
        if not self.redis.has_jumped:
            if turn_ms > now_ms + self._turn_ms_max:
                raise Violation(f"{char_id}: dirty, and due in {turn_ms - now_ms} ms only")
            if now_ms - dirty_since_ms > self._settings.unflushed_max_ms:
                raise Violation(f"{char_id}: changed while others wait for {now_ms - dirty_since_ms} ms")
        if self._catalog.version > 1:
            self._check_facts(char_id)

    def _check_facts(self, char_id: str) -> None:
        flat = self.redis.serve(("HGETALL", KEYS.of(char_id).session))
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        known = self._catalog.history[int(fields[b"catalog"])]
        for name, text in fields.items():
            if name.startswith(b"facts:") and facts_text(known[name[6:].decode()]) != text:
                raise Violation(f"{char_id}: {name.decode()} is not as its catalog has it")

    def claimed(self, members: Sequence[bytes]) -> None:
        """Whoever claims work has it leased."""
        now_ms = self.redis.clock_us / 1000
        for member in members:
            score = self.redis.serve(("ZSCORE", KEYS.due_queues()[0], member))
            if score is not None and float(score) <= now_ms:
                raise Violation(f"{member.decode()} was claimed without a lease")
