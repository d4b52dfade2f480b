"""CRUD mode with a move as one PL/pgSQL function: checked, written and answered inside PostgreSQL."""

from collections.abc import Iterable, Sequence
from importlib.resources import files

import asyncpg

from benchmarks.crud.orchestrator import CrudOrchestrator
from engine.bounds import CAPACITY_MAX, CARRIED_MAX
from engine.commands import Command, MoveRequest
from engine.facts import Facts
from engine.refusals import Refusal
from engine.ruleset import EQUIPMENT, Ruleset
from persistence.records import Call, TagMismatch

_CALL = "SELECT move_item($1, $2, $3, $4, $5, $6, $7)"


class FunctionOrchestrator(CrudOrchestrator):
    """A usual move is one call of ``move_item``, a transaction; the rest is done as CRUD mode does."""

    async def execute(
        self, char_id: str, commands: Sequence[Command], call: Call, *, id_prefix: str | None = None
    ) -> bytes | Refusal | TagMismatch:
        """As ``CrudOrchestrator.execute``."""
        command = commands[0]
        if (
            len(commands) == 1
            and isinstance(command, MoveRequest)
            and command.quantity is None
            and isinstance(command.to.slot, int)
            and not call.if_match
        ):
            to = command.to
            async with self.store.database.connection() as connection:
                reply: str | None = await connection.fetchval(
                    _CALL,
                    char_id,
                    command.item_id,
                    to.container,
                    str(to.slot),
                    call.by,
                    call.request_id,
                    commands,
                )
            if reply is not None:
                return reply.encode()
        return await super().execute(char_id, commands, call, id_prefix=id_prefix)


async def install(database_url: str, ruleset: Ruleset, facts: Iterable[Facts]) -> None:
    """Make the function in a database that does not have it, and the tables that it judges by."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(_text(ruleset))
            await connection.executemany(
                "INSERT INTO move_facts VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb)",
                [_facts_row(entry) for entry in facts],
            )
            await connection.executemany(
                "INSERT INTO move_containers VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                _container_rows(ruleset),
            )
        await connection.execute("ANALYZE move_facts, move_containers")
    finally:
        await connection.close()


def _text(ruleset: Ruleset) -> str:
    carry = ruleset.source.carry
    values = {
        "capacity_max": CAPACITY_MAX,
        "carried_max": CARRIED_MAX,
        "carry_base": carry.base,
        "carry_per_point": carry.per_point,
        "carry_attribute": _quoted(carry.attribute or ""),
        "equipment": _quoted(EQUIPMENT),
        "forbidding": _array(state for state, rule in ruleset.state_rules.items() if "move" in rule.forbids),
        "weighing": _array(name for name in (EQUIPMENT, *ruleset.containers) if ruleset.weighs(name)),
    }
    text = files("benchmarks.crud").joinpath("move_function.sql").read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _quoted(word: str) -> str:
    # A ruleset's words have no quotes in them.
    return f"'{word}'"


def _array(words: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(map(_quoted, words))}]"


def _facts_row(facts: Facts) -> tuple[object, ...]:
    extra = ", ".join(f'"{name}": {slots}' for name, slots in facts.grants.containers.items())
    return (
        facts.template_id,
        facts.kind,
        list(facts.tags),
        facts.stack_limit,
        facts.weight,
        facts.grants.carry_weight,
        f"{{{extra}}}",
    )


def _container_rows(ruleset: Ruleset) -> list[tuple[object, ...]]:
    """Those that a move between slots may be about; where things change hands, Python judges."""
    return [
        (
            name,
            place,
            entry.capacity,
            entry.attribute or "",
            entry.per_point,
            list(entry.kinds),
            list(entry.tags),
            list(entry.locked_while),
            list(entry.open_while),
            entry.weighs,
        )
        for place, (name, entry) in enumerate(ruleset.containers.items())
        if entry.kind == "slots" and not entry.shared
    ]
