"""What a view of a session takes from the catalog that is served now."""

from msgspec import structs

from engine.state import InventorySessionDTO
from persistence.items.item_gateway import ItemGateway
from persistence.records import LiveSession


def tag_with_catalog(live: LiveSession, catalog: ItemGateway) -> str:
    """``<incarnation>.<seq>+<catalog version>``: the tag of what depends on session and catalog."""
    return f"{live.tag}+{catalog.version}"


def with_current_facts(session: InventorySessionDTO, catalog: ItemGateway) -> InventorySessionDTO:
    """The session with the catalog's facts; its own for templates that the catalog does not have.

    A session keeps the facts it was loaded with until the next command loads it anew, and that
    moves neither its seq nor the catalog's version. The next command is judged by the catalog's
    facts, and only with these does a view depend on nothing but what its tag names.
    """
    facts = {name: catalog.facts(name) or own for name, own in session.facts.items()}
    return structs.replace(session, facts=facts)
