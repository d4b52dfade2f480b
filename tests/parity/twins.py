"""Python and Lua side by side: the same commands to both, everything they answer compared."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import redis

from engine.commands import Batch, Command, GrantRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Applied, Outcome
from engine.rules.draft import Draft
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import InventorySessionDTO
from engine.totals import capacity_of
from lua.library import Library
from persistence.keys import Keys
from persistence.protocol.cold_commands import is_cold
from persistence.sessions.replies import ReplyParts, reply_parts, told_members
from persistence.sessions.session_fields import (
    HEAD_FIELDS,
    actor_text,
    capacity_in,
    changed_fields,
    facts_text,
    fields_of,
    session_of,
)

decode_commands = msgspec.json.Decoder(Batch).decode


def encode(commands: Sequence[dict[str, Any]]) -> tuple[Command, ...]:
    """Commands by way of JSON, as they come from outside."""
    return decode_commands(json.dumps(list(commands)))


def granted(commands: Sequence[Command], templates: Mapping[str, Facts]) -> dict[str, Facts]:
    """The facts that go with a call: of the templates it grants, as far as the catalog has them."""
    wanted = [command.template_id for command in commands if isinstance(command, GrantRequest)]
    return {name: templates[name] for name in wanted if name in templates}


_loaded: "WeakKeyDictionary[redis.Redis[bytes], set[str]]" = WeakKeyDictionary()


def load(client: "redis.Redis[bytes]", library: Library) -> None:
    """Load a library where this client has not loaded it yet."""
    names = _loaded.setdefault(client, set())
    if library.name not in names:
        client.function_load(library.code, replace=True)
        names.add(library.name)


class Twins:
    """One character judged by both; ``step`` raises AssertionError where they differ."""

    def __init__(
        self,
        client: "redis.Redis[bytes]",
        ruleset: Ruleset,
        session: InventorySessionDTO,
        templates: dict[str, Facts],
        library: Library | None = None,
    ) -> None:
        """Install ``session`` on the server behind ``client``."""
        self.client, self.ruleset, self.session, self.templates = client, ruleset, session, templates
        self.engine = InventoryEngine(ruleset)
        self.library = library or Library(ruleset)
        self.keys = Keys().of(session.char_id)
        self.steps = 0
        load(client, self.library)
        client.delete(*(getattr(self.keys, name) for name in self.keys.__struct_fields__))
        self._open(session)
        # What the server has. Nothing but ``step`` changes it, so it is read once a step.
        self._fields = client.hgetall(self.keys.session)

    def step(self, commands: Sequence[Command]) -> Outcome:
        """Apply to both and compare refusal or reply, the whole state, the totals, the journal."""
        self.steps += 1
        prefix = f"{self.steps:024x}"
        before = self._fields
        templates = granted(commands, self.templates)
        expected = self.engine.apply_batch(self.session, commands, templates=templates, id_prefix=prefix)
        cold = is_cold(commands)
        answer = (
            self._commit(commands, expected, before) if cold else self._execute(commands, templates, prefix)
        )
        after = self._fields = self.client.hgetall(self.keys.session)
        if isinstance(expected, Applied):
            self._compare_applied(expected, answer, after)
            self.session = expected.session
        else:
            if cold:
                assert answer == [b"ADMITTED"], (expected, answer)
            else:
                assert answer[0] == b"REFUSED", (expected, answer)
                assert answer[1].decode() == expected.code, (expected, answer)
                assert json.loads(answer[2]) == expected.params, (expected, answer)
                assert answer[3] == expected.op_index, (expected, answer)
            assert after == before, "a refusal altered the session"
        return expected

    def _compare_applied(self, expected: Applied, answer: list[bytes], after: dict[bytes, bytes]) -> None:
        assert answer[0] == b"OK", (expected.changes, answer)
        body = json.loads(answer[1])
        changes = json.loads(msgspec.json.encode(expected.changes))
        assert body["changes"] == changes, (body["changes"], changes)
        capacity = json.loads(msgspec.json.encode(expected.capacity))
        assert body["capacity"] == capacity, (body["capacity"], capacity)
        told = json.loads(msgspec.json.encode(told_members(expected.told)))
        assert {name: body[name] for name in ("not_placed", "effect", "told") if name in body} == told, (
            body,
            told,
        )
        assert body["seq"] == expected.session.seq
        mirrored = {name.decode(): value for name, value in after.items()}
        fields = {name: value for name, value in mirrored.items() if name not in HEAD_FIELDS}
        recount = fields_of(self.ruleset, expected.session)
        assert fields == recount, {
            name: (fields.get(name), recount.get(name))
            for name in fields.keys() | recount.keys()
            if fields.get(name) != recount.get(name)
        }
        draft = Draft(self.ruleset, expected.session, {}, "")
        assert capacity_in(self.ruleset, after, expected.session.actor) == capacity_of(
            draft, [EQUIPMENT, *self.ruleset.containers]
        )
        assert mirrored["actor"] == actor_text(self.ruleset, expected.session.actor)
        assert session_of(self.session.char_id, after) == expected.session
        entry = json.loads(self.client.lindex(self.keys.journal, -1) or b"")
        assert entry["seq"] == expected.session.seq
        assert entry["changes"] == changes

    def _call(self, name: str, *args: bytes | str | int) -> Any:
        keys = [getattr(self.keys, key) for key in self.library.contracts[name].keys]
        return self.client.fcall(self.library.function(name), len(keys), *keys, *args)

    def _execute(self, commands: Sequence[Command], templates: dict[str, Facts], prefix: str) -> Any:
        facts = [part for name, known in templates.items() for part in (name, facts_text(known))]
        text = msgspec.json.encode(commands)
        return self._call("session_execute", 1, '"at":0', "", "", "", 100, 30_000, prefix, text, *facts)

    def _commit(self, commands: Sequence[Command], outcome: Outcome, before: dict[bytes, bytes]) -> Any:
        """Hand over what the engine made of it, as for commands that the mirror has no rule for."""
        parts, fields = ReplyParts(b"", b"", b""), []
        if isinstance(outcome, Applied):
            parts = reply_parts(outcome)
            fields = changed_fields(self.ruleset, self.session, outcome.session)
        tag, text = before[b"incarnation"] + b"." + before[b"seq"], msgspec.json.encode(commands)
        head = (1, '"at":0', "", "", "", 100, 30_000, tag, text)
        return self._call("session_commit", *head, parts.changes, parts.told, parts.capacity, *fields)

    def _open(self, session: InventorySessionDTO) -> None:
        gen, now_ms = self._call("session_probe")[:2]
        fields = [part for pair in fields_of(self.ruleset, session).items() for part in pair]
        answer = self._call(
            "session_open",
            gen,
            now_ms,
            1,
            session.seq,
            0,
            "",
            1,
            900_000,
            actor_text(self.ruleset, session.actor),
            0,
            *fields,
        )
        assert answer[0] == b"CREATED", answer
