"""A scrape, as a monitoring system reads it."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Scraped:
    """Values by name and labels; ``families`` are names with their kinds."""

    def __init__(self, text: str) -> None:
        self.families: dict[str, str] = {}
        self.values: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert name not in self.families, f"{name} is told twice"
            self.families[name] = family.type
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.values, f"{key} is told twice"
                self.values[key] = sample.value

    def of(self, name: str, **labels: str) -> float:
        """One series; 0 where it is not told."""
        return self.values.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series that have these labels among theirs."""
        return sum(value for _, value in self.series(name, **labels))

    def series(self, name: str, **labels: str) -> Iterator[tuple[dict[str, str], float]]:
        """Those that have these labels among theirs."""
        for (found, known), value in self.values.items():
            if found == name and labels.items() <= dict(known).items():
                yield dict(known), value


async def scrape(http: Any) -> Scraped:
    """Of a client session, or a test client, that has a base URL."""
    async with http.get("/metrics") as reply:
        assert reply.status == 200, await reply.text()
        return Scraped(await reply.text())
