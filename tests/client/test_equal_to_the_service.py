"""The client's types, codes and calls are those of the service, which it does not import."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct

import haversack_client as client
from engine import commands as engine_commands
from engine.facts import Facts
from engine.outcome import Capacity
from engine.refusals import RefusalCode
from gateway.handlers.characters import CharacterList, CreateCharacterRequest
from gateway.handlers.commands import ExecuteRequest
from gateway.handlers.item_detail import ItemDetail
from gateway.handlers.items import CatalogView, TemplateList, TemplateView
from gateway.handlers.journal import LedgerPage
from gateway.handlers.pages import ContainerPage
from gateway.handlers.stats import StatsView
from gateway.handlers.views import ExpandedItem, InventoryView, ItemPage, PaperDoll
from gateway.http.addressed import REQUESTS_MAX, AddressedRequest, StreamRequest
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.http.problems import ProblemDocument
from gateway.http.reply_shapes import CommandReply, Plan
from gateway.http.requests import BODY_BYTES_MAX
from gateway.operations.table import OPERATIONS
from haversack_client import bounds, characters
from haversack_client import commands as client_commands
from haversack_client import problem_documents as documents
from haversack_client import requests as client_requests
from haversack_client.events import Change, Reset
from persistence.events.position import ChangeEvent, ResetEvent
from persistence.records import Character, SessionState
from tests.client.shapes import shape_of

REQUESTS: dict[type[Struct], type[Struct]] = {
    engine_commands.EquipRequest: client.Equip,
    engine_commands.UnequipRequest: client.Unequip,
    engine_commands.MoveRequest: client.Move,
    engine_commands.GrantRequest: client.Grant,
    engine_commands.ConsumeRequest: client.Consume,
    engine_commands.UseRequest: client.Use,
    engine_commands.DropRequest: client.Drop,
    engine_commands.LockRequest: client.Lock,
    engine_commands.UnlockRequest: client.Unlock,
    engine_commands.SortRequest: client.Sort,
    engine_commands.SetActorRequest: client.SetActor,
    ExecuteRequest: client_commands.Execute,
    CreateCharacterRequest: client_commands.CreateCharacter,
    AddressedRequest: client_requests.Request,
    StreamRequest: client_requests.StreamRequest,
}

REPLIES: dict[type[Struct], type[Struct]] = {
    CommandReply: client.Reply,
    Plan: client.Plan,
    InventoryView: client.Inventory,
    PaperDoll: client.Equipment,
    ItemPage: client.ItemPage,
    ContainerPage: client.ItemPage,
    Capacity: client.Capacity,
    StatsView: client.Stats,
    ItemDetail: client.ItemDetail,
    Character: client.Character,
    CharacterList: client.CharacterPage,
    SessionState: client.Session,
    LedgerPage: characters.LedgerPage,
    CatalogView: client.Catalog,
    TemplateView: client.Template,
    TemplateList: client.TemplatePage,
    Facts: client.Facts,
    ProblemDocument: documents.ProblemDocument,
    ChangeEvent: Change,
    ResetEvent: Reset,
}

CALLS = {
    "read_catalog": client.Haversack.catalog,
    "find_templates": client.Haversack.template_page,
    "read_template": client.Haversack.template,
    "find_characters": client.Haversack.character_page,
    "create_character": client.Haversack.create_character,
    "execute_many": client.Haversack.execute_many,
    "stream": client.Haversack.stream,
    "read_character": client.CharacterHandle.read,
    "change_character": client.CharacterHandle.change,
    "load_session": client.CharacterHandle.load,
    "evict_session": client.CharacterHandle.evict,
    "save_session": client.CharacterHandle.save,
    "read_inventory": client.CharacterHandle.inventory,
    "read_equipment": client.CharacterHandle.equipment,
    "read_wallet": client.CharacterHandle.wallet,
    "read_capacity": client.CharacterHandle.capacity,
    "read_stats": client.CharacterHandle.stats,
    "read_journal": client.CharacterHandle.journal_page,
    "read_events": client.CharacterHandle.events,
    "read_item": client.CharacterHandle.item,
    "equip": client.CharacterHandle.equip,
    "unequip": client.CharacterHandle.unequip,
    "move": client.CharacterHandle.move,
    "grant": client.CharacterHandle.grant,
    "consume": client.CharacterHandle.consume,
    "use": client.CharacterHandle.use,
    "drop": client.CharacterHandle.drop,
    "lock": client.CharacterHandle.lock,
    "unlock": client.CharacterHandle.unlock,
    "sort": client.CharacterHandle.sort,
    "execute": client.CharacterHandle.execute,
}

# What operators and browsers do, and no game server.
NOT_OF_GAMES = {
    "alive", "ready", "read_metrics", "read_openapi", "read_docs", "read_docs_file", "replace_catalog",
    "find_catalog_versions", "read_catalog_source", "erase_character", "export_character",
}  # fmt: skip


def own_type(struct: type, field: str) -> Any:
    """Where the client is more exact than the service's types, or takes more."""
    match struct.__name__, field:
        case ("TemplateView" | "ItemDetail", "facts"):
            return Facts
        case ("LedgerEntry", "commands"):
            return tuple[dict[str, Any], ...]
        case ("ProblemDocument" | "Violation", "params"):
            return dict[str, Any]
    return None


def with_data(shape: Any) -> Any:
    """Items as if they were expanded: the client has one type for both."""
    if isinstance(shape, tuple):
        if shape[:2] == ("struct", None) and {name for name, _ in shape[2]} >= {"item_id", "place", "held"}:
            return shape_of(ExpandedItem, of_reply=True)
        return tuple(with_data(one) for one in shape)
    return shape


@pytest.mark.parametrize("server", REQUESTS, ids=lambda kind: kind.__name__)
def test_requests(server: type[Struct]) -> None:
    """Fields, types, bounds and defaults; only ``dry_run`` is a method of its own here."""
    theirs, ours = shape_of(server, of_reply=False), shape_of(REQUESTS[server], of_reply=False)
    fields = tuple(field for field in theirs[2] if field[0] != "dry_run")
    assert ours == (*theirs[:2], fields)


@pytest.mark.parametrize("server", REPLIES, ids=lambda kind: kind.__name__)
def test_replies(server: type[Struct]) -> None:
    """Everything that may come has its place; of an event, its id is beside it."""
    theirs = with_data(shape_of(server, of_reply=True, swap=own_type))
    ours = with_data(shape_of(REPLIES[server], of_reply=True))
    if server in (ChangeEvent, ResetEvent):
        ours = (*ours[:2], tuple(field for field in ours[2] if field[0] != "id"))
    assert ours == theirs


def test_every_operation_has_its_call_and_its_types() -> None:
    """An operation that is new is one that the client has, or one that is not for games."""
    assert set(OPERATIONS) == set(CALLS) | (NOT_OF_GAMES & set(OPERATIONS))
    for name in CALLS:
        operation = OPERATIONS[name]
        if isinstance(operation.body, type) and issubclass(operation.body, Struct) and name != "execute_many":
            assert operation.body in REQUESTS, name
        replies = operation.reply if isinstance(operation.reply, tuple) else (operation.reply,)
        for reply in replies:
            if isinstance(reply, type) and issubclass(reply, Struct) and name != "execute_many":
                assert reply in REPLIES, name


def test_every_condition_of_a_command_can_be_set() -> None:
    wanted = set(AddressedRequest.__struct_fields__) - {"char_id", "commands", "dry_run"}
    assert wanted == {"idempotency_key", "if_match", "durability"}
    assert wanted - {"durability"} <= set(client.Conditions.__annotations__)


def test_codes() -> None:
    """Refusals in their order, and for every other code an error of its own."""
    assert list(client.RefusalCode) == [code.value for code in RefusalCode]
    told = {code for code in PROBLEM_KINDS if code not in documents.RefusalCode.__members__}
    # Of those who replace catalogs, and of trades, which are not there yet.
    assert told - set(documents._BY_CODE) == {
        "TEMPLATE_IN_USE", "OFFER_CHANGED", "TRADE_CLOSED", "TRADE_EXPIRED",
    }  # fmt: skip
    assert set(documents._BY_CODE) <= set(PROBLEM_KINDS)


@pytest.mark.parametrize("code", PROBLEM_KINDS)
def test_every_problem_is_an_error(code: str) -> None:
    status = PROBLEM_KINDS[code].status
    for op_index in (None, 0):
        document = documents.ProblemDocument("t", "t", status, code, "d", {"a": 1}, op_index)
        problem = documents.problem_of(document, request_id="r")
        assert (problem.code, problem.status, problem.op_index) == (code, status, op_index)
        assert problem.params == {"a": 1} and problem.request_id == "r"
        # What the service promises to have left undone, and what it says may be repeated.
        assert problem.transient == (code in {
            "CONFLICT", "UNAVAILABLE", "BACKPRESSURE", "RATE_LIMITED", "REQUEST_TIMEOUT", "OUTCOME_UNKNOWN",
        })  # fmt: skip
        assert problem.may_have_been_done == (code in {"OUTCOME_UNKNOWN", "INTERNAL"})
        is_refusal = code in documents.RefusalCode.__members__ and op_index is not None
        assert isinstance(problem, client.Refused) == (
            is_refusal or (code not in documents._BY_CODE and op_index is not None)
        )


def test_a_newer_service_is_understood() -> None:
    """Fields that are new are left aside, and codes that are new are taken by their status."""
    newer = {"seq": 1, "durable_seq": 0, "tag": "0.1", "replayed": False, "mood": "good",
             "changes": {"changed": [], "removed": [], "moods": []},
             "capacity": {"containers": {}, "weight": {"carried": 0, "limit": 1, "unit": "g"}}}  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(newer), type=client.Reply).seq == 1
    document = documents.ProblemDocument("t", "t", 403, "TOO_SAD", "d", {}, None)
    assert isinstance(documents.problem_of(document), client.AccessDenied)
    document = documents.ProblemDocument("t", "t", 422, "TOO_SAD", "d", {}, 0)
    assert isinstance(documents.problem_of(document), client.Refused)


def test_bounds_of_bodies() -> None:
    assert (bounds.REQUESTS_MAX, bounds.BODY_BYTES_MAX) == (REQUESTS_MAX, BODY_BYTES_MAX)
