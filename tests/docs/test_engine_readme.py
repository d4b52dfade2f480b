"""The yardstick of engine/README.md: a row for every code of AzerothCore, and every code of ours told."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from engine.refusals import RefusalCode

ROOT = Path(__file__).parents[2]
README = ROOT / "engine" / "README.md"
TEXT = README.read_text("utf-8")
CODES = {code.value for code in RefusalCode}

HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([A-Z]+(?:_[A-Z]+)+|FROZEN)`")
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.*?) \|$", re.MULTILINE)

# What the third column says where it names no code of ours.
UNMAPPED = {"outside", "none"}
# Numbers that the enum leaves out.
NAMELESS = {74, 83}
VERDICTS = ("said", "otherwise", "roundabout", "outside", "cannot be said")


def section(heading: str) -> str:
    """What stands under a heading of the second rank."""
    found = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, heading
    return found


def anchors(path: Path) -> set[str]:
    """The fragments by which the page's headings are linked to."""
    found = HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for _, heading in found}


YARDSTICK = section("The rules against AzerothCore's")
ROWS = [(int(number), name, ours, how) for number, name, ours, how in ROW.findall(YARDSTICK)]


def ours_of(cell: str) -> list[str]:
    """The codes that a cell of the third column names; it names nothing else."""
    codes = re.findall(r"`(\w+)`", cell)
    assert cell == ", ".join(f"`{code}`" for code in codes), cell
    return codes


def test_rules_are_listed_with_what_they_test() -> None:
    """Each file by its docstring's first line, with its refusals as they stand in it."""
    expected = []
    for path in sorted((ROOT / "engine" / "rules").glob("[a-z]*.py")):
        text = path.read_text("utf-8")
        about = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0].rstrip(".")
        codes = ", ".join(f"`{code}`" for code in re.findall(r"RefusalCode\.(\w+)", text))
        expected.append(f"| [{path.name}](rules/{path.name}) | {about} | {codes} |".replace("|  |", "| |"))
    assert re.findall(r"^\| \[.*$", section("Reference"), re.MULTILINE) == expected


def test_every_number_has_its_row() -> None:
    assert [number for number, *_ in ROWS] == list(range(90))
    lines = [line for line in YARDSTICK.splitlines() if re.match(r"\| \d", line)]
    assert len(lines) == len(ROWS)


def test_names_are_unique() -> None:
    """And stand without the prefix that all of them share; two numbers have none."""
    assert {number for number, name, *_ in ROWS if name == "no name"} == NAMELESS
    names = [name for number, name, *_ in ROWS if number not in NAMELESS]
    assert [name for name in names if not re.fullmatch(r"`[A-Z][A-Z0-9_]*`", name)] == []
    assert [name for name in names if name.startswith("`EQUIP_ERR_")] == []
    assert len(set(names)) == len(names)


def test_rows_name_codes_that_exist() -> None:
    told = {code for _, _, ours, _ in ROWS if ours not in UNMAPPED for code in ours_of(ours)}
    assert sorted(told - CODES) == []


def test_no_row_names_a_code_twice() -> None:
    for number, _, ours, _ in ROWS:
        if ours not in UNMAPPED:
            codes = ours_of(ours)
            assert codes, number
            assert len(set(codes)) == len(codes), number


def test_every_row_has_its_argument() -> None:
    """In words of its own, or by the number of an earlier row that it is like."""
    by_number = {number: ours for number, _, ours, _ in ROWS}
    for number, _, ours, how in ROWS:
        argument = how.removeprefix("† ")
        assert argument, number
        if alike := re.search(r"\bas (\d+)\b", argument):
            assert int(alike[1]) < number, number
            assert (ours in UNMAPPED) == (by_number[int(alike[1])] in UNMAPPED), number
        elif ours in UNMAPPED:
            assert len(argument.split()) >= 3, number


def test_the_prose_counts_right() -> None:
    text = re.sub(r"\s+", " ", YARDSTICK)
    unmapped = [ours for _, _, ours, _ in ROWS if ours in UNMAPPED]
    outside, none = unmapped.count("outside"), unmapped.count("none")
    assert f"{len(ROWS) - len(unmapped)} of the 90 answer to codes of ours, {outside} are outside" in text
    assert f"and {none} are no refusals with us" in text
    assert f"{len(ROWS) - len(NAMELESS)} of these 90 numbers have a name" in text
    assert f"† marks the {sum(how.startswith('† ') for *_, how in ROWS)} that nothing" in text


def test_every_code_of_ours_is_told() -> None:
    """In the table, or else among those that are ours alone."""
    in_table = {code for _, _, ours, _ in ROWS for code in CODE.findall(ours)}
    alone = re.search(r"^Ours alone: (.*?)(?:\n\n|\Z)", YARDSTICK, re.MULTILINE | re.DOTALL)
    assert alone
    told_alone = set(CODE.findall(alone[1]))
    assert sorted(in_table & told_alone) == []
    assert sorted(CODES - in_table - told_alone) == []


def test_prose_names_codes_that_exist() -> None:
    """The names of AzerothCore's codes stand in the second column and nowhere else."""
    prose = TEXT
    for _, name, _, _ in ROWS:
        prose = prose.replace(f"| {name} |", "|")
    assert sorted(set(CODE.findall(prose)) - CODES) == []


def test_rules_beneath_have_a_verdict() -> None:
    """Each row begins with one of the words that the section explains, and goes on."""
    beneath = section("Rules beneath the codes")
    explained, _, tables = beneath.partition("\n### ")
    assert tuple(re.findall(r"^\| \*\*(.+?)\*\* \|", explained, re.MULTILINE)) == VERDICTS
    rows = [line for line in tables.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    rows = [line for line in rows if line != "| there | with us |"]
    assert len(rows) >= 40
    said = "|".join(VERDICTS)
    assert [row for row in rows if not re.fullmatch(rf"\| .+ \| \*\*(?:{said})\*\*: .+ \|", row)] == []


def test_headings_stand_in_their_order() -> None:
    """The reference first; no rank is left out."""
    found = [(len(marks), heading) for marks, heading in HEADING.findall(TEXT)]
    assert found[:2] == [(1, "The engine"), (2, "Reference")]
    assert "(../docs/rules.md)" in section("Reference")
    assert [after for before, after in pairwise(found) if after[0] > before[0] + 1] == []


@pytest.mark.parametrize("target", sorted(set(LINK.findall(TEXT))))
def test_links_lead_somewhere(target: str) -> None:
    name, _, fragment = target.partition("#")
    there = README.parent / name if name else README
    assert there.exists()
    assert not fragment or fragment in anchors(there)
