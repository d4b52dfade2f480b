"""The item catalog: what PostgreSQL has of it, and one process's copy, in the place of ``ItemGateway``."""

from msgspec.structs import replace

from engine.facts import Facts
from tests.simulation.network import Network


class Catalog:
    """The catalog in PostgreSQL: a version, and facts that differ by it."""

    def __init__(self, templates: dict[str, Facts]) -> None:
        self.version = 1
        self.templates = templates
        self.history = {1: templates}

    def change(self) -> None:
        """A new version, under which everything weighs a little more."""
        self.version += 1
        self.templates = {
            name: replace(facts, weight=facts.weight + 1) for name, facts in self.templates.items()
        }
        self.history[self.version] = self.templates


class Items:
    """What ``ItemGateway`` is to the others: one process's copy of the catalog."""

    def __init__(self, network: Network, catalog: Catalog) -> None:
        self._network, self._catalog = network, catalog
        self.version, self._templates = catalog.version, catalog.templates

    async def refresh(self) -> bool:
        catalog = self._catalog
        read = await self._network.transact(
            "catalog", lambda: ((catalog.version, catalog.templates), _no, _no)
        )
        if read[0] <= self.version:
            return False
        self.version, self._templates = read
        return True

    def facts(self, template_id: str) -> Facts | None:
        return self._templates.get(template_id)


def _no() -> None:
    return None
