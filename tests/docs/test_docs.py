"""Docs that say what the program says: codes, settings, routes, functions, headings and links."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from aiohttp.typedefs import Handler

from engine.facts import Facts
from engine.refusals import RefusalCode
from engine.ruleset import Ruleset
from engine.ruleset_file import ContainerEntry, RulesetFile, SlotEntry
from gateway import cli
from gateway.app import init_app
from gateway.configuration.settings import PREFIX, Settings
from gateway.http.operation import Operation
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.routes import Routes
from lua.library import Library
from persistence.demo.content import demo_catalog

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = ("engine", "lua", "persistence", "gateway", "tests", "benchmarks")

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
REFERENCE = re.compile(r"(docs/[\w-]+\.md)(?:, \"([^\"]+)\")?")


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", path.read_text("utf-8"))


def headings(path: Path) -> list[str]:
    return HEADING.findall(prose(path))


def anchor(heading: str) -> str:
    """The fragment by which a heading is linked to."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second rank."""
    found = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, heading
    return found


def test_refusals_are_in_their_order() -> None:
    """Each has its row in the table, and the table has no others."""
    rows = re.findall(r"^\| [^|]*\| `([A-Z_]+)` \|", section(page("docs/rules.md"), "Refusals"), re.MULTILINE)
    assert rows == [code.value for code in RefusalCode]


def test_problems_have_their_status() -> None:
    """Each code stands in a table of the section, in a row with its status."""
    rows = re.findall(r"^\| (\d{3}) \| (.*)$", section(page("docs/http-api.md"), "Problems"), re.MULTILINE)
    told = {
        code: int(status) for status, text in rows for code in re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", text)
    }
    assert told == {code: kind.status for code, kind in PROBLEM_KINDS.items()}


def test_settings_are_told() -> None:
    """Name and default, as the program has them."""
    table = section(page("docs/settings.md"), "Settings")
    for entry in fields(Settings):
        row = re.search(rf"^\| `{PREFIX}{entry.name.upper()}`.*$", table, re.MULTILINE)
        assert row, entry.name
        if isinstance(entry.default, str | int):
            assert f"| `{entry.default}` |" in row[0]
    assert table.count(f"`{PREFIX}") >= len(fields(Settings))
    told = set(re.findall(rf"`{PREFIX}(\w+)`", "".join(path.read_text("utf-8") for path in PAGES)))
    assert told == {entry.name.upper() for entry in fields(Settings)}


class _Anything:
    """Stands where handlers want an orchestrator; nothing is asked of it but the ruleset."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        self.items = None


def test_routes_are_in_the_http_api(ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path with its method, and none that does not exist."""
    served: list[tuple[str, str]] = []
    add = Routes.add

    def noting(routes: Routes, operation: Operation, handler: Handler) -> None:
        served.append((operation.method, operation.path))
        add(routes, operation, handler)

    monkeypatch.setattr(Routes, "add", noting)
    stand_in: Any = _Anything(ruleset)
    init_app(Settings(token="t"), stand_in)
    told = re.findall(r"^\| `([A-Z]+) (/[^`]*)`", page("docs/http-api.md"), re.MULTILINE)
    assert sorted(told) == sorted(served)


def test_functions_are_told(ruleset: Ruleset) -> None:
    """In the table of the library, and in the protocol what each is for there."""
    library = section(page("docs/architecture.md"), "The library")
    rows = re.findall(r"^\| `(\w+)` \|", library, re.MULTILINE)
    assert sorted(rows) == sorted(Library(ruleset).contracts)
    protocol = page("docs/protocol.md")
    assert [name for name in rows if f"`{name}`" not in protocol] == []


def test_answers_of_session_open_are_told(ruleset: Ruleset) -> None:
    """Each verdict of the function's header has its row."""
    header = Library(ruleset).contracts["session_open"].returns
    rows = re.findall(r"^\| `([A-Z]+)` \|", section(page("docs/protocol.md"), "LOAD"), re.MULTILINE)
    assert sorted(rows) == sorted(re.findall(r'"([A-Z]+)"', header))


def test_facts_and_ruleset_keys_are_told() -> None:
    """Every field that a template, a slot, a container or a section may have."""
    rules = page("docs/rules.md")
    facts = re.findall(r"^\| `([a-z_.]+)`", section(rules, "Facts"), re.MULTILINE)
    assert {name.partition(".")[0] for name in facts} == set(Facts.__struct_fields__)
    ruleset = section(rules, "Ruleset")
    words = {*SlotEntry.__struct_fields__, *ContainerEntry.__struct_fields__}
    assert [word for word in words if f"\n| `{word}` |" not in ruleset] == []
    sections = set(RulesetFile.__struct_fields__) - {"name"}
    assert [name for name in sections if f"[{name}]" not in ruleset] == []


def test_the_shipped_ruleset_is_told_as_it_is(ruleset: Ruleset) -> None:
    """Containers, capacities and the order of placement that the prose names."""
    text = re.sub(r"\s+", " ", page("docs/rules.md"))
    for name, entry in ruleset.containers.items():
        assert re.search(
            rf"`{name}` \((?:a )?{entry.capacity if entry.kind == 'slots' else entry.kind}\b", text
        )
    order = ", ".join(f"`{name}`" for name in ruleset.auto)
    assert f"In the shipped ruleset the order is {order};" in text


def test_the_changelog_counts_right() -> None:
    assert f"a demo with {len(list(demo_catalog()))} item templates" in page("CHANGELOG.md")


def references() -> Iterator[tuple[str, str, str]]:
    """Every page and heading that code points to: where, page, heading or nothing."""
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".lua", ".sql", ".toml", ".txt") and path != Path(__file__):
                for match in REFERENCE.finditer(path.read_text("utf-8")):
                    yield str(path.relative_to(ROOT)), match[1], match[2] or ""


def test_what_code_points_to_is_there() -> None:
    found = list(references())
    assert len(found) >= 10
    for source, name, heading in found:
        assert (ROOT / name).is_file(), f"{source}: {name}"
        assert not heading or heading in headings(ROOT / name), f'{source}: {name}, "{heading}"'


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Files that are there, and headings that they have."""
    for target in LINK.findall(prose(path)):
        if target.startswith("https://"):
            continue
        name, _, fragment = target.partition("#")
        there = path.parent / name if name else path
        assert there.exists(), f"{path.name}: {target}"
        if fragment:
            assert fragment in map(anchor, headings(there)), f"{path.name}: {target}"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall(page("README.md"))}
    assert [path.name for path in PAGES[2:] if f"docs/{path.name}" not in linked] == []


def test_named_things_exist() -> None:
    """Classes and files that the architecture and the protocol name are where they say."""
    text = page("docs/architecture.md") + page("docs/protocol.md")
    for module, name in re.findall(r"`((?:engine|lua|persistence|gateway)(?:\.\w+)+)\.(\w+)`", text):
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
        assert re.search(rf"^(?:class|def|async def) {name}\b", source, re.MULTILINE), f"{module}.{name}"
    for name in re.findall(r"`((?:engine|lua|persistence|gateway|tests)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_command_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command and every option of it."""
    table = section(page("docs/settings.md"), "Command line")
    commands = (
        "serve", "flush", "health", "migrate", "catalog import", "catalog diff", "catalog versions",
        "catalog restore", "import", "character history", "character restore", "character release",
        "character repair", "character quarantined", "character export", "character erase", "audit",
        "ledger trim", "outbox status", "outbox skip", "outbox forget", "ruleset check", "openapi",
        "roles postgres", "roles redis", "recover", "token make", "token player", "parity",
    )  # fmt: skip
    for command in map(str.split, commands):
        row = re.search(rf"^\| `haversack {' '.join(command)} ?(.*?)` \|", table, re.MULTILINE)
        assert row, command
        with pytest.raises(SystemExit):
            cli.main([*command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
        assert set(re.findall(r"--[a-z-]+", row[1])) == options, command
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = capsys.readouterr().out.partition("COMMAND\n")[2].partition("\n\n")[0]
    names = list(dict.fromkeys(command.split()[0] for command in commands))
    assert re.findall(r"^    (\w+)", listed, re.MULTILINE) == names


def test_make_has_what_the_readme_says() -> None:
    for target in ("run", "test"):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_make_has_what_the_pages_say() -> None:
    """Every target, and none of them is taken for the folder of its name."""
    phony = re.search(r"^\.PHONY: (.*)$", page("Makefile"), re.MULTILINE)
    assert phony is not None
    texts = "".join(path.read_text("utf-8") for path in [*PAGES, ROOT / "benchmarks/README.md"])
    assert set(re.findall(r"`make ([a-z][a-z-]*)", texts)) <= set(phony[1].split())
