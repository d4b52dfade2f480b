"""Wiring, in one place: which handler stands at which path, and what it speaks to."""

from typing import Final

from aiohttp import web

from gateway.auth import BearerAuth
from gateway.bulk import BulkGateway
from gateway.carrier import Carrier
from gateway.characters import CharacterGateway
from gateway.health import HealthGateway
from gateway.inventory import InventoryGateway
from gateway.item_detail import ItemDetails
from gateway.items import ItemsGateway
from gateway.journal import JournalGateway
from gateway.middleware import Gate
from gateway.pages import ContainerPages
from gateway.requests import BODY_BYTES_MAX
from gateway.routes import CHARACTER, ITEM, ROUTES, TEMPLATE, Routes
from gateway.sessions import SessionGateway
from gateway.settings import Settings
from gateway.stats import StatsGateway
from gateway.stream import StreamGateway
from persistence.orchestrator import InventoryOrchestrator

SETTINGS: Final = web.AppKey("settings", Settings)
ORCHESTRATOR: Final = web.AppKey("orchestrator", InventoryOrchestrator)


def init_app(settings: Settings, orchestrator: InventoryOrchestrator) -> web.Application:
    """Make the application; ``settings.token`` must be there, ``orchestrator`` is started by the caller."""
    if settings.token is None:
        raise ValueError("settings have no token")
    auth = BearerAuth(settings.token)
    routes = Routes(Gate(auth, orchestrator))
    _add_service_routes(routes, orchestrator, auth)
    _add_character_routes(routes, orchestrator)
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app[SETTINGS] = settings
    app[ORCHESTRATOR] = orchestrator
    app.on_shutdown.append(_add_routes_of_many(routes, orchestrator).stop)
    app[ROUTES] = routes
    app.router.register_resource(routes)
    return app


def _add_service_routes(routes: Routes, orchestrator: InventoryOrchestrator, auth: BearerAuth) -> None:
    health = HealthGateway(orchestrator, auth)
    items = ItemsGateway(orchestrator)
    routes.add("GET", "/healthz", health.alive, needs_token=False)
    routes.add("GET", "/readyz", health.ready, needs_token=False)
    routes.add("GET", "/v1/catalog", items.catalog)
    routes.add("GET", "/v1/items", items.find)
    routes.add("GET", TEMPLATE, items.read)


def _add_character_routes(routes: Routes, orchestrator: InventoryOrchestrator) -> None:
    characters = CharacterGateway(orchestrator)
    routes.add("GET", "/v1/characters", characters.find)
    routes.add("POST", "/v1/characters", characters.create)
    routes.add("GET", CHARACTER, characters.read)
    routes.add("PATCH", CHARACTER, characters.change)
    sessions = SessionGateway(orchestrator)
    routes.add("POST", f"{CHARACTER}/session", sessions.load)
    routes.add("DELETE", f"{CHARACTER}/session", sessions.evict)
    routes.add("POST", f"{CHARACTER}/session/save", sessions.save)
    inventory = InventoryGateway(orchestrator)
    routes.add("GET", f"{CHARACTER}/inventory", inventory.read)
    routes.add("GET", f"{CHARACTER}/inventory/equipment", inventory.equipment)
    routes.add("GET", f"{CHARACTER}/inventory/wallet", inventory.wallet)
    routes.add("GET", f"{CHARACTER}/inventory/capacity", inventory.capacity)
    routes.add("GET", f"{CHARACTER}/inventory/stats", StatsGateway(orchestrator).worn)
    routes.add("GET", f"{CHARACTER}/inventory/journal", JournalGateway(orchestrator).page)
    routes.add("GET", ITEM, ItemDetails(orchestrator).read)
    routes.add("POST", f"{CHARACTER}/inventory/equip", inventory.equip)
    routes.add("POST", f"{CHARACTER}/inventory/unequip", inventory.unequip)
    routes.add("POST", f"{CHARACTER}/inventory/move", inventory.move)
    routes.add("POST", f"{CHARACTER}/inventory/grant", inventory.grant)
    routes.add("POST", f"{CHARACTER}/inventory/consume", inventory.consume)
    routes.add("POST", f"{CHARACTER}/inventory/use", inventory.use)
    routes.add("POST", f"{CHARACTER}/inventory/drop", inventory.drop)
    routes.add("POST", f"{CHARACTER}/inventory/lock", inventory.lock)
    routes.add("POST", f"{CHARACTER}/inventory/unlock", inventory.unlock)
    routes.add("POST", f"{CHARACTER}/inventory/sort", inventory.sort)
    routes.add("POST", f"{CHARACTER}/inventory/execute", inventory.execute)
    _add_container_pages(routes, orchestrator)


def _add_routes_of_many(routes: Routes, orchestrator: InventoryOrchestrator) -> StreamGateway:
    """What takes the requests of many characters; the open streams are to be stopped with the server."""
    carrier = Carrier(orchestrator)
    stream = StreamGateway(orchestrator, carrier)
    routes.add("POST", "/v1/execute", BulkGateway(orchestrator, carrier).execute)
    routes.add("GET", "/v1/stream", stream.connect)
    return stream


def _add_container_pages(routes: Routes, orchestrator: InventoryOrchestrator) -> None:
    """Come last: a container that a game has named as one of the paths above leaves it that path."""
    pages = ContainerPages(orchestrator)
    for container in orchestrator.ruleset.containers:
        path = f"{CHARACTER}/inventory/{container}"
        if not routes.taken(path):
            routes.add("GET", path, pages.of(container))
