"""The benchmark's CRUD mode answers as the engine does, or comparing with it would mean nothing."""

import random
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
import pytest

from benchmarks import command_cost, moves, report, targets
from benchmarks.crud import function
from benchmarks.crud.orchestrator import CrudOrchestrator
from benchmarks.floors import Reply
from benchmarks.moves import Move
from benchmarks.recorder import Recorder
from benchmarks.report import Results
from benchmarks.seed import seed
from benchmarks.stage import RULESET
from benchmarks.world import ACTOR, Inventory, catalog, inventory
from engine.commands import Destination, MoveRequest
from engine.engine import InventoryEngine
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.ruleset import Ruleset, load_ruleset
from engine.state import InventorySessionDTO
from persistence.items.item_gateway import ItemGateway
from persistence.items.postgres_catalog import PostgresCatalog
from persistence.postgres.store import InventoryStore
from persistence.records import Call
from tests.servers import Servers

FACTS = {template.facts.template_id: template.facts for template in catalog()}
CALL = Call(by="test")
PREFIX = "ab" * 12


@pytest.fixture
def played() -> Inventory:
    return inventory(random.Random(7), 40)


@pytest.fixture
def benchmark_ruleset() -> Ruleset:
    return load_ruleset(RULESET)


@pytest.fixture(params=[CrudOrchestrator, function.FunctionOrchestrator], ids=["crud", "function"])
async def crud(
    request: pytest.FixtureRequest, database_url: str, benchmark_ruleset: Ruleset, played: Inventory
) -> AsyncIterator[CrudOrchestrator]:
    await seed(database_url, benchmark_ruleset, [played])
    store = await InventoryStore.connect(database_url, benchmark_ruleset)
    items = ItemGateway(PostgresCatalog(store))
    await items.refresh()
    if request.param is function.FunctionOrchestrator:
        await function.install(database_url, benchmark_ruleset, FACTS.values())
    yield request.param(benchmark_ruleset, store, items)
    await store.close()


def session_of(ruleset: Ruleset, played: Inventory) -> InventorySessionDTO:
    items = {item.item_id: item for item in played.items()}
    facts = {item.template_id: FACTS[item.template_id] for item in items.values()}
    return InventorySessionDTO(played.char_id, 0, ruleset.hash, ACTOR, items, facts)


def some_moves(played: Inventory) -> list[MoveRequest]:
    """A cycle of the load's own moves, then what it never sends: refusals, splits, the paper doll."""
    rng = random.Random(3)
    sent = [move.command for move in moves.contended(played, rng)][:60]
    stack = next(g.mover.item_id for g in played.groups if g.mover.quantity > 1)
    single = next(g.mover.item_id for g in played.groups if g.mover.quantity == 1)
    helmet = played.worn[3].item_id
    bag = [
        MoveRequest(stack, Destination("bag", 50), 1),
        MoveRequest(stack, Destination("bag", 50), 1),
        MoveRequest(stack, Destination("bag", 50)),
        MoveRequest(stack, Destination("bag")),
        MoveRequest(single, Destination("bag", 9_000)),
        MoveRequest(single, Destination("quick", 0)),
        MoveRequest(single, Destination("cellar", 0)),
        MoveRequest(single, Destination("bag", "left")),
        MoveRequest("0" * 32, Destination("bag", 0)),
    ]
    doll = [
        MoveRequest(single, Destination("equipment", "main_hand")),
        MoveRequest(single, Destination("equipment", "head")),
        MoveRequest(helmet, Destination("bag", 1)),
        MoveRequest(helmet, Destination("bag", 60)),
        MoveRequest(helmet, Destination("equipment")),
        MoveRequest(played.worn[1].item_id, Destination("bank", 3_000)),
    ]
    return [*sent, *bag, *doll]


async def test_crud_mode_answers_as_the_engine(
    crud: CrudOrchestrator, benchmark_ruleset: Ruleset, played: Inventory
) -> None:
    engine = InventoryEngine(benchmark_ruleset)
    session = session_of(benchmark_ruleset, played)
    refusals = 0
    for move in some_moves(played):
        expected = engine.apply(session, move, templates=FACTS, id_prefix=PREFIX)
        found = await crud.execute(played.char_id, (move,), CALL, id_prefix=PREFIX)
        if isinstance(expected, Refusal):
            assert found == expected, move
            refusals += 1
            continue
        assert isinstance(expected, Applied) and isinstance(found, bytes), move
        reply = msgspec.json.decode(found, type=Reply)
        assert reply.seq == reply.durable_seq == expected.session.seq
        assert reply.changes == expected.changes, move
        assert reply.capacity == expected.capacity, move
        session = expected.session
    assert refusals >= 5
    stored = await crud.inventory(played.char_id)
    assert stored.items == session.items
    assert stored.seq == session.seq
    assert [entry.seq for entry in await crud.store.journal(played.char_id)] == list(
        range(1, session.seq + 1)
    )


def test_every_move_of_the_load_changes_something(benchmark_ruleset: Ruleset, played: Inventory) -> None:
    engine = InventoryEngine(benchmark_ruleset)
    session = session_of(benchmark_ruleset, played)
    swaps = 0
    cycle = moves.contended(played, random.Random(3))
    for move in cycle:
        outcome = engine.apply(session, move.command)
        assert isinstance(outcome, Applied) and outcome.changes.changed
        swaps += len(outcome.changes.changed) == 2
        session = outcome.session
    assert swaps * 2 == len(cycle)
    assert session.items == session_of(benchmark_ruleset, played).items


def test_spread_moves_go_round_all_characters() -> None:
    rng = random.Random(1)
    players = [inventory(rng, 20) for _ in range(50)]
    sent, others = moves.dealt(players, rng, 2, 2)
    assert len(sent) == 50 * 2 * 4
    assert not {move.command.item_id for move in sent} & {move.command.item_id for move in others}
    assert {UUID(move.char_id) for move in sent[:50]} == {UUID(player.char_id) for player in players}


async def test_recorded_moves_are_what_the_gateway_sends(ruleset: Ruleset) -> None:
    """The recorder stands in for a link, so it must keep up with what is read from one."""
    recorder = Recorder(ruleset, "bench:", 1)
    item_id = "0" * 32
    move = Move("0f0e0d0c-0b0a-4908-8706-050403020100", MoveRequest(item_id, Destination("bag", 3)))
    command = await recorder.command(move)
    assert command[0] == "FCALL" and f"bench:session:{move.char_id}" in command


async def test_every_kind_of_command_is_measured_at_every_size(
    servers: Servers, benchmark_ruleset: Ruleset
) -> None:
    """Calls that were refused, and cycles that do not end where they began, would be an error."""
    cost = await command_cost.measure(servers.redis.url, benchmark_ruleset, 1, 1, sessions=1, runs=1)
    assert cost.sizes == [20, 200, 2000]
    assert all(len(of_rounds) == 1 for by_size in cost.kinds_us.values() for of_rounds in by_size.values())
    ratios = targets.of_commands(cost)
    assert [ratio.target for ratio in ratios] == [1.2, 1.2, 1.2]
    assert "set_actor" in report.text(Results(head={}, commands=cost, ratios=ratios))
