"""Twins: the Python engine and the mirror in step, several characters side by side on one connection.

A round sends every character's call in one write. While the server judges them, so does the
engine here; then the replies are read and compared.
"""

from collections.abc import Sequence

import msgspec
from redis.exceptions import ResponseError

from engine.commands import Command, GrantRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied, Outcome
from engine.ruleset import Ruleset
from engine.state import InventorySessionDTO
from lua.library import Library
from persistence.keys import Keys, SessionKeys
from persistence.parity.case import Call, Case, Difference
from persistence.parity.compare import CATALOG, EPOCH, INCARNATION, ORIGIN, compare_call, compare_hash
from persistence.parity.wire import Part, Wire
from persistence.sessions.session_fields import actor_text, facts_text, fields_of

# No flusher and no evictor runs here; the numbers only have to be numbers.
# The flush is due in a second, and never too late.
_WAITS_MS = (1000, 3_600_000)


class Table:
    """Where games are played: a ruleset, the library of it on a server, and keys of its own."""

    def __init__(self, wire: Wire, ruleset: Ruleset, library: Library, keys: Keys) -> None:
        """Load ``library`` on the server; sessions will be under ``keys``."""
        self.wire, self.ruleset, self.library, self.keys = wire, ruleset, library, keys
        self.engine = InventoryEngine(ruleset)
        self._seats: set[str] = set()
        self._was_there = bool(wire.call("FUNCTION", "LIST", "LIBRARYNAME", library.name))
        wire.call("FUNCTION", "LOAD", "REPLACE", library.code)

    def call(self, name: str, keys: SessionKeys) -> tuple[Part, ...]:
        """The beginning of the command that calls a function; its arguments follow."""
        names = self.library.contracts[name].keys
        return ("FCALL", self.library.function(name), len(names), *(getattr(keys, key) for key in names))

    def seat(self, char_id: str) -> SessionKeys:
        """The keys of a character, which ``clear`` will delete."""
        self._seats.add(char_id)
        return self.keys.of(char_id)

    def clear(self, wire: Wire) -> None:
        """Delete every key that games have made, and the library if it was not there before.

        ``wire`` may be another one than the games', which are perhaps broken off midway.
        """
        for char_id in self._seats:
            wire.call("DEL", *_all_of(self.keys.of(char_id)))
        if not self._was_there:
            wire.call("FUNCTION", "DELETE", self.library.name)


class Twins:
    """One character in both; ``send``, ``judge`` and ``receive`` are the steps of a call."""

    def __init__(self, table: Table, char_id: str) -> None:
        """Nothing is played before ``open``."""
        self.table = table
        self.char_id = char_id
        self.session: InventorySessionDTO
        self.outcome: Outcome | None = None
        self._keys = table.seat(char_id)
        self._execute = table.call("session_execute", self._keys)
        self._templates: dict[str, Facts] = {}
        self._texts: dict[str, bytes] = {}
        self._opened_at = 0
        self._call: Call
        self._commands: tuple[Command, ...] = ()
        self._text = b""
        self._whole = False
        self._raised: Exception | None = None

    def open(self, start: InventorySessionDTO, templates: dict[str, Facts]) -> None:
        """Install ``start`` in place of what was there; grants are judged by ``templates``."""
        table, wire = self.table, self.table.wire
        self.session = start
        self._templates, self._opened_at = templates, start.seq
        self._texts = {name: facts_text(facts) for name, facts in templates.items()}
        wire.call("DEL", *_all_of(self._keys))
        probe = wire.call(*table.call("session_probe", self._keys))
        fields = [part for pair in fields_of(table.ruleset, start).items() for part in pair]
        reply = wire.call(
            *table.call("session_open", self._keys), probe[0], probe[1], EPOCH, start.seq, INCARNATION,
            "", CATALOG, _WAITS_MS[0], actor_text(table.ruleset, start.actor), 0, *fields,
        )  # fmt: skip
        if reply[0] != b"CREATED":
            raise RuntimeError(f"a session could not be opened: {reply}")

    def send(self, call: Call, *, whole: bool) -> list[tuple[Part, ...]]:
        """What to send for a call; with ``whole``, the session's hash is asked for, too."""
        self._call, self._whole = call, whole
        self._commands = call.decoded()
        self._text = msgspec.json.encode(self._commands)
        facts = [part for name in self._granted() for part in (name, self._texts[name])]
        sent: list[tuple[Part, ...]] = [
            (*self._execute, CATALOG, ORIGIN, "", "", "", *_WAITS_MS, call.prefix, self._text, *facts),
            ("LPOP", self._keys.journal),
        ]
        return [*sent, ("HGETALL", self._keys.session)] if whole else sent

    def judge(self) -> None:
        """Apply the call in Python; what it raises is kept, to be told as a difference."""
        templates = {name: self._templates[name] for name in self._granted()}
        self._raised = self.outcome = None
        try:
            self.outcome = self.table.engine.apply_batch(
                self.session, self._commands, templates=templates, id_prefix=self._call.prefix
            )
        except Exception as error:
            self._raised = error

    def receive(self) -> Difference | None:
        """Read the replies and compare; the session is the one after the call then."""
        wire = self.table.wire
        reply, entry = wire.receive(), wire.receive()
        pairs = wire.receive() if self._whole else None
        before, outcome = self.session, self.outcome
        if outcome is None:
            return Difference("error in Python", repr(self._raised), str(reply))
        if isinstance(entry, ResponseError):
            raise entry
        difference = compare_call(outcome, reply, entry, self._text, before, self._opened_at)
        if isinstance(outcome, Applied):
            self.session = outcome.session
        if difference is None and pairs is not None:
            return compare_hash(self.table.ruleset, self.session, self._opened_at, pairs)
        return difference

    def _granted(self) -> list[str]:
        """Templates that the call grants and the catalog has, each once, in order."""
        found = dict.fromkeys(
            command.template_id for command in self._commands if isinstance(command, GrantRequest)
        )
        return [name for name in found if name in self._templates]


def play_case(twins: Twins, case: Case) -> tuple[int, Difference] | None:
    """Play a game from its start, comparing everything; the first difference and the index of its call."""
    twins.open(case.start, case.templates)
    for index, call in enumerate(case.calls):
        twins.table.wire.send(twins.send(call, whole=True))
        twins.judge()
        if difference := twins.receive():
            return index, difference
    return None


def _all_of(keys: SessionKeys) -> Sequence[str]:
    return [getattr(keys, name) for name in keys.__struct_fields__]
