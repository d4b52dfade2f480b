"""Wiring, in one place: which handler stands at which path, and what it speaks to."""

from typing import Final

from aiohttp import web

from gateway.auth.bearer import BearerAuth
from gateway.auth.credentials import read_credentials
from gateway.configuration.settings import Settings
from gateway.handlers.catalog import CatalogGateway
from gateway.handlers.characters import CharacterGateway
from gateway.handlers.erasure import ErasureGateway
from gateway.handlers.events import EventsGateway
from gateway.handlers.export import ExportGateway
from gateway.handlers.health import HealthGateway
from gateway.handlers.inventory import InventoryGateway
from gateway.handlers.item_detail import ItemDetails
from gateway.handlers.items import ItemsGateway
from gateway.handlers.journal import JournalGateway
from gateway.handlers.pages import ContainerPages
from gateway.handlers.sessions import SessionGateway
from gateway.handlers.stats import StatsGateway
from gateway.http.requests import BODY_BYTES_MAX
from gateway.middleware import Gate
from gateway.openapi.served import DocsGateway
from gateway.operations.table import OPERATIONS, container_pages
from gateway.routes import ROUTES, Routes
from gateway.stream.bulk import BulkGateway
from gateway.stream.carrier import Carrier
from gateway.stream.endpoint import StreamGateway
from gateway.telemetry.measures import BULK, STREAM, STREAMS
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.metrics_board import Board
from gateway.telemetry.metrics_endpoint import MetricsGateway
from gateway.telemetry.watch import Watch
from persistence.meters import Meters
from persistence.orchestrator import InventoryOrchestrator

AUTH: Final = web.AppKey("auth", BearerAuth)
SETTINGS: Final = web.AppKey("settings", Settings)
ORCHESTRATOR: Final = web.AppKey("orchestrator", InventoryOrchestrator)


def init_app(
    settings: Settings, orchestrator: InventoryOrchestrator, watch: Watch | None = None
) -> web.Application:
    """Make the application; ``settings`` must name a token, ``orchestrator`` is started by the caller.

    Without a ``watch`` requests are counted for this process alone. Raises ``SettingsError`` for files
    of tokens and keys that cannot be used.
    """
    if settings.token is None and settings.tokens is None:
        raise ValueError("settings have no token")
    auth = BearerAuth(read_credentials(settings), settings)
    watch = watch or Watch(Metrics(Board(orchestrator.ruleset)), log_requests=settings.access_log == "on")
    metrics = watch.metrics
    routes = Routes(Gate(auth, orchestrator, watch))
    _add_service_routes(routes, orchestrator, auth)
    routes.add(OPERATIONS["read_metrics"], MetricsGateway(settings.metrics, metrics, orchestrator, auth).read)
    _add_character_routes(routes, orchestrator, metrics.meters)
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app[SETTINGS] = settings
    app[ORCHESTRATOR] = orchestrator
    app[AUTH] = auth
    stream, events = _add_routes_of_many(routes, orchestrator, metrics), _add_events(routes, orchestrator)
    app.on_shutdown.extend((stream.stop, events.stop))
    metrics.meters.watch(STREAMS, lambda: stream.open, "commands")
    metrics.meters.watch(STREAMS, lambda: events.open, "events")
    app[ROUTES] = routes
    app.router.register_resource(routes)
    return app


def _add_service_routes(routes: Routes, orchestrator: InventoryOrchestrator, auth: BearerAuth) -> None:
    health = HealthGateway(orchestrator, auth)
    docs = DocsGateway(orchestrator.ruleset)
    items = ItemsGateway(orchestrator)
    routes.add(OPERATIONS["alive"], health.alive)
    routes.add(OPERATIONS["ready"], health.ready)
    routes.add(OPERATIONS["read_openapi"], docs.document)
    routes.add(OPERATIONS["read_docs"], docs.page)
    routes.add(OPERATIONS["read_docs_file"], docs.file)
    catalog = CatalogGateway(orchestrator)
    routes.add(OPERATIONS["read_catalog"], items.catalog)
    routes.add(OPERATIONS["replace_catalog"], catalog.replace)
    routes.add(OPERATIONS["find_catalog_versions"], catalog.versions)
    routes.add(OPERATIONS["read_catalog_source"], catalog.source)
    routes.add(OPERATIONS["find_templates"], items.find)
    routes.add(OPERATIONS["read_template"], items.read)


def _add_character_routes(routes: Routes, orchestrator: InventoryOrchestrator, meters: Meters) -> None:
    characters = CharacterGateway(orchestrator)
    routes.add(OPERATIONS["find_characters"], characters.find)
    routes.add(OPERATIONS["create_character"], characters.create)
    routes.add(OPERATIONS["read_character"], characters.read)
    routes.add(OPERATIONS["change_character"], characters.change)
    routes.add(OPERATIONS["erase_character"], ErasureGateway(orchestrator).erase)
    routes.add(OPERATIONS["export_character"], ExportGateway(orchestrator).export)
    sessions = SessionGateway(orchestrator)
    routes.add(OPERATIONS["load_session"], sessions.load)
    routes.add(OPERATIONS["evict_session"], sessions.evict)
    routes.add(OPERATIONS["save_session"], sessions.save)
    inventory = InventoryGateway(orchestrator, meters)
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


def _add_routes_of_many(
    routes: Routes, orchestrator: InventoryOrchestrator, metrics: Metrics
) -> StreamGateway:
    """What takes the requests of many characters; the open streams are to be stopped with the server."""
    carrier = Carrier(orchestrator)
    stream = StreamGateway(orchestrator, carrier, metrics.of_batched(STREAM))
    bulk = BulkGateway(orchestrator, carrier, metrics.of_batched(BULK))
    routes.add(OPERATIONS["execute_many"], bulk.execute)
    routes.add(OPERATIONS["stream"], stream.connect)
    return stream


def _add_events(routes: Routes, orchestrator: InventoryOrchestrator) -> EventsGateway:
    """The open streams are to be stopped with the server."""
    events = EventsGateway(orchestrator)
    routes.add(OPERATIONS["read_events"], events.follow)
    return events


def _add_container_pages(routes: Routes, orchestrator: InventoryOrchestrator) -> None:
    pages = ContainerPages(orchestrator)
    for container, operation in container_pages(orchestrator.ruleset).items():
        routes.add(operation, pages.of(container))
