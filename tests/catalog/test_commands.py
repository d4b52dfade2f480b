"""``haversack catalog …``: what it does and what it tells."""

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.command_line.catalog import add_catalog_commands
from gateway.configuration.settings import Settings
from persistence.errors import NotRestorable, TemplateInUse
from persistence.postgres.store import InventoryStore
from tests.catalog.given import line
from tests.store.given import loaded, new_item

Run = Callable[..., "asyncio.Future[int]"]


@pytest.fixture
def run(database_url: str, store: InventoryStore) -> Run:
    def command(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        add_catalog_commands(parser.add_subparsers(required=True))
        parsed = parser.parse_args(["catalog", *arguments])
        status: int = parsed.run(Settings(redis_url="redis://unused", database_url=database_url), parsed)
        return status

    return lambda *arguments: asyncio.ensure_future(asyncio.to_thread(command, *arguments))


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    def write(name: str, *texts: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(b"".join(texts))
        return str(path)

    return write


async def test_compared_imported_listed_and_restored(
    run: Run, files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    one = files("one", line("axe", stack_limit=5), line("bow"))
    two = files("two", line("axe", stack_limit=3, data={"a": 1}), line("cap", "armor"))
    assert await run("versions") == 0
    assert capsys.readouterr().out == "There has been no catalog yet.\n"
    assert await run("import", one) == 0
    assert capsys.readouterr().out == "The catalog is at version 1: 2 templates.\n"
    assert await run("diff", two) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Against version 1: 1 added, 1 removed, 1 changed; 2 templates then.",
        "+ cap",
        "- bow",
        "~ axe: stack_limit 5 → 3, data",
        "! axe: stack_limit may not fit what there is: nobody has any",
    ]
    assert await run("diff", one) == 0
    assert capsys.readouterr().out == "It says what the catalog says, which stays at version 1.\n"
    assert await run("diff", two, "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["added"] == 1
    assert await run("import", two, "--by", "ada") == 0
    capsys.readouterr()
    assert await run("versions") == 0
    newest, first = capsys.readouterr().out.splitlines()
    assert newest.startswith("2  20") and "ada: 2 templates, +1 -1 ~1, " in newest
    assert "operator: 2 templates, +2 -0 ~0, " in first and "not kept" not in first
    assert await run("restore", "1") == 1
    told = capsys.readouterr().out
    assert "+ bow" in told and told.endswith("Say --yes to do it.\nNothing was done.\n")
    assert await run("restore", "1", "--yes") == 0
    told = capsys.readouterr().out
    assert told.endswith("The catalog is at version 3, which says what version 1 said.\n")
    assert await run("restore", "1", "--yes") == 0
    assert "there is nothing to do" in capsys.readouterr().out
    assert await run("versions", "--json", "--limit", "1") == 0
    assert json.loads(capsys.readouterr().out)[0]["content"]
    with pytest.raises(NotRestorable):
        await run("restore", "9")


async def test_templates_in_use(
    run: Run, files: Callable[..., str], store: InventoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    await run("import", files("one", line("axe"), line("bow")))
    await loaded(store, new_item(slot=0, template_id="axe"), new_item(slot=1, template_id="axe"))
    rest = files("two", line("bow"))
    capsys.readouterr()
    assert await run("diff", rest) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == [
        "! axe: would be gone, and there is still 2 items of 1 character",
        "It would not be taken: there are items of templates that it lacks.",
    ]
    with pytest.raises(TemplateInUse, match="axe"):
        await run("import", rest)
    assert await run("import", rest, "--force") == 0
    assert await run("import", files("three", line("axe"), line("bow"), line("cap"))) == 0
    assert await run("restore", "2", "--yes") == 1, "as little as by an import"
    assert await run("restore", "2", "--yes", "--force") == 0
