"""Tables to bring in, and an import of them."""

import io
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from persistence.moving_in.columns import Source
from persistence.moving_in.csv_source import CsvSource
from persistence.moving_in.findings import Finding, Tally
from persistence.moving_in.jsonl_source import JsonLinesSource
from persistence.moving_in.run import Options, moving_in
from tests.service.conftest import Site


class Imported(Struct):
    """What came of an import."""

    tally: Tally
    findings: list[Finding]

    def told(self) -> list[tuple[int, str, str, int]]:
        """Row, outcome, code and units of each finding, by row."""
        return sorted((one.row, one.outcome, one.code, one.units) for one in self.findings)


def csv(text: str | bytes, **options: Any) -> CsvSource:
    raw = text if isinstance(text, bytes) else text.encode()
    return CsvSource(io.BytesIO(raw), options.pop("renamed", {}), **options)


def jsonl(rows: Iterable[dict[str, Any]], renamed: dict[str, str] | None = None) -> JsonLinesSource:
    return JsonLinesSource(io.BytesIO(b"\n".join(map(msgspec.json.encode, rows))), renamed or {})


async def bring_in(
    site: Site,
    source: Source,
    options: Options | None = None,
    *,
    write: bool = True,
) -> Imported:
    """All of it; what was read is accounted for."""
    findings: list[Finding] = []
    async with moving_in(site.settings.database_url, site.ruleset, options or Options()) as run:
        await run.read(source, lambda *_: None)
        tally = await run.run(findings.append, lambda *_: None, write=write)
    assert tally.differences() == []
    return Imported(tally, findings)
