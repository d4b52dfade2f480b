"""The rulesets that come with the program: found by name, usable, and compiled into the library."""

from pathlib import Path

import pytest

from engine.ruleset import RulesetError, load_ruleset
from engine.shipped import read_ruleset, shipped_rulesets
from engine.state import Actor
from lua.library import Library

NAMES = ["haversack", "minecraft-like", "tabletop"]


def test_names_are_those_of_the_files() -> None:
    assert shipped_rulesets() == NAMES
    assert [read_ruleset(name).name for name in NAMES] == ["haversack", "minecraft_like", "tabletop"]
    assert read_ruleset("haversack").hash == load_ruleset().hash


def test_a_path_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path("engine/rulesets/tabletop.toml").resolve().read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    for path in (Path("tabletop.toml"), Path("haversack")):
        path.write_text(text.replace('name = "tabletop"', 'name = "another"'), "utf-8")
    assert read_ruleset("tabletop.toml").name == "another"
    assert read_ruleset("./haversack").name == "another"
    assert read_ruleset("haversack").name == "haversack"


@pytest.mark.parametrize("name", ["chess", "", "..", "Tabletop", "tabletop.TOML", "haversack.toml.bak"])
def test_a_name_that_is_not_shipped(name: str) -> None:
    with pytest.raises(
        RulesetError, match="no such ruleset is shipped, only haversack, minecraft-like, tabletop;"
    ):
        read_ruleset(name)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_library_of_its_own(name: str) -> None:
    stamps = {other: Library(read_ruleset(other)).stamp for other in NAMES}
    assert [other for other in NAMES if stamps[other] == stamps[name]] == [name]


def test_what_the_games_say() -> None:
    tabletop, minecraft = read_ruleset("tabletop"), read_ruleset("minecraft-like")
    strong = Actor(class_="fighter", attributes={"strength": 16})
    assert tabletop.carry_limit(strong) == 16 * 1500, "fifteen pounds a point, in hundredths"
    assert tabletop.conflicts["two_hand"] == ("main_hand", "off_hand")
    builder = Actor(attributes={"chests": 2})
    assert [minecraft.own_capacity(name, builder) for name in ("bag", "ender_chest", "chests")] == [
        36,
        27,
        54,
    ]
    assert not any(minecraft.weighs(name) for name in ("equipment", *minecraft.containers))
