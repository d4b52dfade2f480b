"""A scripted stand-in for the orchestrator: tests here are of HTTP, not of inventories."""

from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.commands import Command
from engine.engine import InventoryEngine
from engine.facts import Facts, Grants, Requirements
from engine.outcome import Applied
from engine.refusals import Refusal
from engine.ruleset import load_ruleset
from engine.state import Actor, InventorySessionDTO, Item, Place
from gateway.app import init_app
from gateway.configuration.settings import Settings
from gateway.http.connection_limits import ConnectionLimits
from gateway.serving.server import GatewayRunner
from persistence.errors import CharacterExists, CharacterNotFound, SessionNotLive
from persistence.items.catalog import Template
from persistence.items.source import Edition
from persistence.link.submitted import Submitted
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call, Character, LiveSession, SessionState, TagMismatch
from persistence.sessions.session_fields import capacity_in, fields_of
from persistence.sessions.session_state import LIVE, Probe

TOKEN = "a-token-for-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
CHAR_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ABSENT_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
SWORD_ID = "a" * 32
COIN_ID = "b" * 32
HERB_ID = "c" * 32
BASE = f"/v1/characters/{CHAR_ID}"
REPLY = b'{"seq":8,"durable_seq":7,"tag":"1.8","replayed":false,"changes":{"changed":[],"removed":[]}}'

SWORD = Facts(
    "sword",
    "weapon",
    tags=("blade",),
    slots=("main_hand",),
    weight=3000,
    requires=Requirements(level=5, classes=("warrior",)),
    grants=Grants({"quick": 1}),
)
COIN = Facts("coin", "currency", stack_limit=1000)
HERB = Facts("herbs/sage", "resource", stack_limit=20, weight=10)

ITEMS = (
    Item(SWORD_ID, "sword", 1, Place("equipment", "main_hand"), bound=True),
    Item(COIN_ID, "coin", 120, Place("wallet", "coin")),
    Item(HERB_ID, "herbs/sage", 7, Place("bag", 3)),
)


class ScriptedItems:
    """A catalog of the three templates."""

    def __init__(self) -> None:
        self.version = 3
        self.edition = Edition(3, "c" * 64, 3, "Ada", 1_700_000_000_000)
        self.feed = None
        self.all = [
            Template(COIN, {"name": "Coin"}),
            Template(HERB, {"name": "Salbei", "price": 4}),
            Template(SWORD, {"name": "Sword", "stats": {"damage": 12}}),
        ]

    @property
    def count(self) -> int:
        return len(self.all)

    def facts(self, template_id: str) -> Facts | None:
        template = self.template(template_id)
        return None if template is None else template.facts

    def template(self, template_id: str) -> Template | None:
        return next((one for one in self.all if one.facts.template_id == template_id), None)

    def templates(self, kind: str | None, after: str | None, limit: int) -> list[Template]:
        found = [one for one in self.all if kind in (None, one.facts.kind)]
        return [one for one in found if after is None or one.facts.template_id > after][:limit]


class StandIn:
    """Answers as told, and remembers what it was asked.

    ``answer`` is what ``execute`` gives or raises; ``not_live`` how many calls more find no session;
    ``load_error`` what ``load_session`` raises.
    """

    def __init__(self) -> None:
        self.ruleset = load_ruleset()
        self.survey = None
        self.items = ScriptedItems()
        self.answer: bytes | Refusal | TagMismatch | Exception = REPLY
        self.not_live = 0
        self.load_error: Exception | None = None
        self.executed: list[tuple[str, tuple[Command, ...], Call]] = []
        self.loaded: list[str] = []
        self.saved: list[tuple[str, bool]] = []
        self.created: list[tuple[str | None, str, Actor]] = []
        self.asked: list[tuple[str | None, str | None, int]] = []
        self.checks: dict[str, str] | Exception = {"redis": "ok", "postgresql": "ok"}
        self.present = [self.head(CHAR_ID, "Ada")]

    def head(self, char_id: str, name: str) -> Character:
        return Character(char_id, name, Actor(5, "warrior"), False, 7, 7, 1_700_000_000_000)

    async def create_character(self, char_id: str | None, name: str, actor: Actor) -> Character:
        self.created.append((char_id, name, actor))
        if isinstance(self.answer, Exception):
            raise self.answer
        if char_id == CHAR_ID:
            raise CharacterExists(char_id)
        return Character(char_id or ABSENT_ID, name, actor, False, 0, 0, 1_700_000_000_000)

    async def character(self, char_id: str) -> Character:
        for one in self.present:
            if one.char_id == char_id:
                return one
        raise CharacterNotFound(char_id)

    async def characters(self, name: str | None, after: str | None, limit: int) -> list[Character]:
        self.asked.append((name, after, limit))
        return [one for one in self.present if after is None or one.char_id > after][:limit]

    async def load_session(self, char_id: str) -> tuple[SessionState, bool]:
        self.loaded.append(char_id)
        if self.load_error is not None:
            raise self.load_error
        await self.character(char_id)
        return SessionState(char_id, True, 7, 7, 2), len(self.loaded) == 1

    async def save_session(self, char_id: str, *, evict: bool = False) -> SessionState:
        self.saved.append((char_id, evict))
        await self.character(char_id)
        return SessionState(char_id, not evict, 7, 7, 2)

    async def standing(self, char_id: str) -> Probe:
        live = await self.read_session(char_id)
        return Probe(
            "node", 0, LIVE, '"node"', live.epoch, live.incarnation, live.session.seq, live.durable_seq, 0,
            "", live.catalog,
        )  # fmt: skip

    async def read_session(self, char_id: str) -> LiveSession:
        self._live()
        await self.character(char_id)
        session = InventorySessionDTO(
            char_id,
            7,
            self.ruleset.hash,
            Actor(5, "warrior"),
            {item.item_id: item for item in ITEMS},
            {facts.template_id: facts for facts in (SWORD, COIN, HERB)},
        )
        fields = {name.encode(): value for name, value in fields_of(self.ruleset, session).items()}
        return LiveSession(session, capacity_in(self.ruleset, fields, session.actor), 2, 1, 6, 3)

    async def execute(
        self, char_id: str, commands: Sequence[Command], call: Call
    ) -> bytes | Refusal | TagMismatch:
        self._live()
        self.executed.append((char_id, tuple(commands), call))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def submit(self, char_id: str, commands: Sequence[Command], call: Call) -> Submitted:
        return Submitted(None, lambda _: self.execute(char_id, commands, call))

    async def preview(
        self, char_id: str, commands: Sequence[Command], call: Call
    ) -> Applied | tuple[Refusal, ...] | TagMismatch:
        live = await self.read_session(char_id)
        if call.if_match not in ("", live.tag):
            return TagMismatch(live.tag)
        return InventoryEngine(self.ruleset).preview(live.session, commands)

    async def readiness(self) -> dict[str, str]:
        if isinstance(self.checks, Exception):
            raise self.checks
        return self.checks

    def _live(self) -> None:
        if self.not_live:
            self.not_live -= 1
            raise SessionNotLive


class GatewayTestServer(TestServer):
    """The application on a real socket, under the runner that serves it."""

    limits = ConnectionLimits()

    async def _make_runner(self, **kwargs: Any) -> GatewayRunner:
        assert isinstance(self.app, web.Application)
        return GatewayRunner(self.app, limits=self.limits)


def server(standin: StandIn, **settings: Any) -> GatewayTestServer:
    """A server whose application speaks to the stand-in; ``settings`` beside the token."""
    all_settings = Settings(token=TOKEN, **settings)
    return GatewayTestServer(init_app(all_settings, cast(InventoryOrchestrator, standin)))
