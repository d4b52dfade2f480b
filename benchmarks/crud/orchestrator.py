"""What the gateway asks for, answered from PostgreSQL alone."""

import secrets
from collections.abc import Sequence
from importlib.resources import files

import msgspec
from msgspec import Struct

from benchmarks.crud import rows
from benchmarks.crud.draft import PartialDraft
from benchmarks.floors import Reply
from engine.commands import Command, GrantRequest, MoveRequest
from engine.engine import InventoryEngine
from engine.facts import Facts
from engine.outcome import Capacity, Changes
from engine.refusals import Refusal
from engine.rules.apply import apply
from engine.ruleset import EQUIPMENT, Ruleset
from engine.state import InventorySessionDTO
from engine.totals import capacity_of
from persistence.errors import CharacterNotFound
from persistence.items.item_gateway import ItemGateway
from persistence.link.submitted import Submitted
from persistence.postgres.database import Connection, Row
from persistence.postgres.named_sql import parse
from persistence.postgres.store import InventoryStore
from persistence.records import Call, TagMismatch

_SQL = parse(files("benchmarks.crud").joinpath("queries.sql").read_text("utf-8"))
_encode = msgspec.json.Encoder().encode


class _Judged(Struct, frozen=True):
    """What a call comes to; ``before`` has at least the items that it changes."""

    before: InventorySessionDTO
    changes: Changes
    capacity: Capacity


class CrudOrchestrator:
    """Plays commands, each call in a transaction of its own that is durable before it is answered.

    It does without operation ids, so a repeated call is done twice.
    """

    def __init__(self, ruleset: Ruleset, store: InventoryStore, items: ItemGateway) -> None:
        """``items`` must have been started."""
        self.ruleset = ruleset
        self.store = store
        self.items = items
        self._engine = InventoryEngine(ruleset)
        self._rows = rows.Rows(ruleset, items.facts)

    async def execute(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> bytes | Refusal | TagMismatch:
        """As ``InventoryOrchestrator.execute``; the inventory is locked from read to COMMIT."""
        async with self.store.database.transaction() as connection:
            head = await self._lock(connection, char_id)
            tag = f"{head['incarnation']}.{head['seq']}"
            if call.if_match and call.if_match != tag:
                return TagMismatch(tag)
            prefix = id_prefix or secrets.token_hex(12)
            judged = await self._judge(connection, char_id, head, commands, prefix)
            if isinstance(judged, Refusal):
                return judged
            seq = head["seq"] + 1
            await _write(connection, char_id, seq, call, commands, judged)
        return _encode(
            Reply(seq, seq, f"{head['incarnation']}.{seq}", False, judged.changes, judged.capacity)
        )

    def submit(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> Submitted:
        """The same, begun when it is awaited."""
        return Submitted(None, lambda _: self.execute(char_id, commands, call, id_prefix=id_prefix))

    async def inventory(self, char_id: str) -> InventorySessionDTO:
        """The whole inventory, as a session would have it."""
        async with self.store.database.transaction() as connection:
            head = await self._lock(connection, char_id)
            return await self._whole(connection, char_id, head)

    async def readiness(self) -> dict[str, str]:
        """Nothing but PostgreSQL is needed."""
        await self.store.ping()
        return {"postgresql": "ok"}

    async def _lock(self, connection: Connection, char_id: str) -> Row:
        head = await connection.fetchrow(_SQL["lock_head"], char_id)
        if head is None:
            raise CharacterNotFound(char_id)
        return head

    async def _judge(
        self, connection: Connection, char_id: str, head: Row, commands: Sequence[Command], id_prefix: str
    ) -> _Judged | Refusal:
        command = commands[0]
        if (
            len(commands) == 1
            and isinstance(command, MoveRequest)
            and command.to.slot is not None
            and command.to.container != EQUIPMENT
        ):
            found = await connection.fetch(
                _SQL["items_for_move"],
                char_id,
                command.item_id,
                command.to.container,
                str(command.to.slot),
            )
            wanted = [row for row in found if row["item_id"] is not None]
            if not rows.any_worn(wanted):
                return self._judge_move(char_id, head, wanted, found[len(wanted) :], command, id_prefix)
        return await self._judge_any(connection, char_id, head, commands, id_prefix)

    def _judge_move(
        self,
        char_id: str,
        head: Row,
        wanted: Sequence[Row],
        sums: Sequence[Row],
        command: MoveRequest,
        id_prefix: str,
    ) -> _Judged | Refusal:
        before = self._rows.session(char_id, head, wanted)
        draft = PartialDraft(self.ruleset, before, self._rows.totals(sums), {}, id_prefix)
        if refusal := apply(draft, (command,)):
            return refusal
        changes = rows.changes(before, draft.items, draft.touched)
        return _Judged(before, changes, capacity_of(draft, draft.touched_containers))

    async def _judge_any(
        self, connection: Connection, char_id: str, head: Row, commands: Sequence[Command], id_prefix: str
    ) -> _Judged | Refusal:
        before = await self._whole(connection, char_id, head)
        outcome = self._engine.apply_batch(
            before, commands, templates=self._templates(commands), id_prefix=id_prefix
        )
        if isinstance(outcome, Refusal):
            return outcome
        return _Judged(before, outcome.changes, outcome.capacity)

    async def _whole(self, connection: Connection, char_id: str, head: Row) -> InventorySessionDTO:
        return self._rows.session(char_id, head, await connection.fetch(_SQL["items_of"], char_id))

    def _templates(self, commands: Sequence[Command]) -> dict[str, Facts]:
        wanted = (command.template_id for command in commands if isinstance(command, GrantRequest))
        found = {template_id: self.items.facts(template_id) for template_id in wanted}
        return {template_id: facts for template_id, facts in found.items() if facts is not None}


async def _write(
    connection: Connection, char_id: str, seq: int, call: Call, commands: Sequence[Command], judged: _Judged
) -> None:
    changes = judged.changes
    entry = (char_id, seq, call.by, call.request_id, commands, changes)
    in_place = not changes.removed and all(item.item_id in judged.before.items for item in changes.changed)
    if in_place and changes.actor is None:
        await connection.execute(_SQL["write_move"], *entry, *rows.place_columns(changes.changed))
        return
    await connection.execute(_SQL["write_head"], *entry, changes.actor)
    if changes.removed:
        await connection.execute(_SQL["remove_items"], char_id, changes.removed)
    if changes.changed:
        await connection.execute(_SQL["write_items"], char_id, *rows.item_columns(changes.changed))
