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
from gateway.operations import OPERATIONS, page_of
from gateway.pages import ContainerPages
from gateway.requests import BODY_BYTES_MAX
from gateway.routes import ROUTES, Routes
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
    routes.add(OPERATIONS["alive"], health.alive)
    routes.add(OPERATIONS["ready"], health.ready)
    routes.add(OPERATIONS["read_catalog"], items.catalog)
    routes.add(OPERATIONS["find_templates"], items.find)
    routes.add(OPERATIONS["read_template"], items.read)


def _add_character_routes(routes: Routes, orchestrator: InventoryOrchestrator) -> None:
    characters = CharacterGateway(orchestrator)
    routes.add(OPERATIONS["find_characters"], characters.find)
    routes.add(OPERATIONS["create_character"], characters.create)
    routes.add(OPERATIONS["read_character"], characters.read)
    routes.add(OPERATIONS["change_character"], characters.change)
    sessions = SessionGateway(orchestrator)
    routes.add(OPERATIONS["load_session"], sessions.load)
    routes.add(OPERATIONS["evict_session"], sessions.evict)
    routes.add(OPERATIONS["save_session"], sessions.save)
    inventory = InventoryGateway(orchestrator)
    routes.add(OPERATIONS["read_inventory"], inventory.read)
    routes.add(OPERATIONS["read_equipment"], inventory.equipment)
    routes.add(OPERATIONS["read_wallet"], inventory.wallet)
    routes.add(OPERATIONS["read_capacity"], inventory.capacity)
    routes.add(OPERATIONS["read_stats"], StatsGateway(orchestrator).worn)
    routes.add(OPERATIONS["read_journal"], JournalGateway(orchestrator).page)
    routes.add(OPERATIONS["read_item"], ItemDetails(orchestrator).read)
    routes.add(OPERATIONS["equip"], inventory.equip)
    routes.add(OPERATIONS["unequip"], inventory.unequip)
    routes.add(OPERATIONS["move"], inventory.move)
    routes.add(OPERATIONS["grant"], inventory.grant)
    routes.add(OPERATIONS["consume"], inventory.consume)
    routes.add(OPERATIONS["use"], inventory.use)
    routes.add(OPERATIONS["drop"], inventory.drop)
    routes.add(OPERATIONS["lock"], inventory.lock)
    routes.add(OPERATIONS["unlock"], inventory.unlock)
    routes.add(OPERATIONS["sort"], inventory.sort)
    routes.add(OPERATIONS["execute"], inventory.execute)
    _add_container_pages(routes, orchestrator)


def _add_routes_of_many(routes: Routes, orchestrator: InventoryOrchestrator) -> StreamGateway:
    """What takes the requests of many characters; the open streams are to be stopped with the server."""
    carrier = Carrier(orchestrator)
    stream = StreamGateway(orchestrator, carrier)
    routes.add(OPERATIONS["execute_many"], BulkGateway(orchestrator, carrier).execute)
    routes.add(OPERATIONS["stream"], stream.connect)
    return stream


def _add_container_pages(routes: Routes, orchestrator: InventoryOrchestrator) -> None:
    """Come last: a container that a game has named as one of the paths above leaves it that path."""
    pages = ContainerPages(orchestrator)
    for container in orchestrator.ruleset.containers:
        operation = page_of(container)
        if not routes.taken(operation.path):
            routes.add(operation, pages.of(container))
