"""`haversack parity`: it plays, it finds what was planted, and it leaves nothing behind."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from engine.engine import InventoryEngine
from engine.refusals import RefusalCode
from engine.ruleset import Ruleset
from engine.shipped import read_ruleset, shipped_rulesets
from gateway import cli
from lua.library import Library, shipped_sources
from persistence.parity.case import Call, Case
from persistence.parity.commands import Player
from persistence.parity.dice import Dice
from persistence.parity.progress import Progress
from persistence.parity.report import Report
from persistence.parity.run import Options, play
from persistence.parity.starts import make_start
from persistence.parity.text import case_text, with_aliases
from persistence.parity.world import make_world
from tests.parity.twins import Twins
from tests.servers import Servers
from tests.vectors.vector import FOLDER, judge, parse_vectors

STEPS = 6_000
# What no shipped ruleset uses is played with this one.
PROVING = str(FOLDER / "proving.toml")
# Codes that need what a ruleset does not have: containers that are shared, groups, weight, classes.
OUT_OF_REACH = {
    "haversack": {"ITEM_BOUND", "NOT_TRADEABLE"},
    "minecraft-like": {"CLASS_NOT_ALLOWED", "LIMIT_GROUP", "TOO_HEAVY"},
    "tabletop": set(),
    PROVING: set(),
}
# File, what stands there, and what is planted in its stead.
PLANTED = {
    "level": ("guards", "actor.level < ", "actor.level <= "),
    "weight": (
        "guards",
        "weight > d.weight_before and weight > limit",
        "weight > d.weight_before and weight >= limit",
    ),
    "order of stacks": ("consume", "return a.rank < b.rank", "return a.rank > b.rank"),
    "trailing zeros": ("bitmap", "last_filled(map, at - 1)", "at - 1"),
    "no such function": ("consume", "table.sort(", "table.sorted("),
}


def options(ruleset: str, url: str, steps: int = STEPS, seed: int = 1) -> Options:
    return Options(read_ruleset(ruleset), ruleset, steps, seed, redis_url=url)


def left_behind(url: str) -> tuple[list[bytes], list[Any]]:
    """Keys of parity, and libraries."""
    with redis.Redis.from_url(url) as client:
        return client.keys("parity:*"), client.function_list()


@pytest.fixture
def url(servers: Servers) -> Iterator[str]:
    with redis.Redis.from_url(servers.redis.url) as client:
        client.flushall()
        client.function_flush()
    yield servers.redis.url


@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_games_break_every_rule_and_often_none(url: str, name: str) -> None:
    report = play(options(name, url))
    assert report.finding is None, "\n".join(report.lines())
    assert report.steps >= STEPS
    assert report.share_applied >= (0.35 if name == PROVING else 0.45)
    # All codes are known; a ruleset that cannot come to one says so here.
    assert set(report.never()) <= OUT_OF_REACH[name] | RARE
    assert left_behind(url) == ([], [])


# Seen in every run of some ten thousand commands, but perhaps not in this few.
RARE = {"UNIQUE_EQUIPPED", "ALREADY_EXISTS", "NOT_DESTROYABLE", "NOT_TRADEABLE"}


def test_both_servers(each_redis: redis.Redis, each_servers: Servers) -> None:
    each_redis.function_flush()
    report = play(options("haversack", each_servers.redis.url, steps=2_000, seed=7))
    assert report.finding is None, "\n".join(report.lines())
    assert left_behind(each_servers.redis.url) == ([], [])


def test_the_seed_makes_the_games(url: str) -> None:
    first, again, other = (play(options("haversack", url, steps=500, seed=seed)) for seed in (3, 3, 4))
    assert first.codes == again.codes != other.codes


def planted(case: str) -> dict[str, str]:
    """The mirror's files with a difference in them."""
    file, before, after = PLANTED[case]
    sources = shipped_sources()
    assert before in sources[file]
    return sources | {file: sources[file].replace(before, after)}


@pytest.mark.parametrize("case", ["level", "weight", "order of stacks"])
def test_what_is_planted_is_found_and_shrunk(url: str, case: str) -> None:
    ruleset = read_ruleset("haversack")
    wrong = Library(ruleset, planted(case))
    report = play(options("haversack", url, steps=20_000), library=wrong)
    assert report.finding is not None
    assert sum(len(call.commands) for call in report.finding.case.calls) <= 3
    (vector,) = parse_vectors(report.finding.vector, "printed")
    session = vector.session(ruleset.hash)
    vector.check(judge(vector, InventoryEngine(ruleset)), session)
    with redis.Redis.from_url(url) as client:
        right = Twins(client, ruleset, session, vector.setting.templates, Library(ruleset))
        vector.check(right.step(vector.batch()), session)
        with pytest.raises(AssertionError):
            Twins(client, ruleset, session, vector.setting.templates, wrong).step(vector.batch())


def test_totals_that_drift_are_found(url: str) -> None:
    """What no reply shows is seen in the hash."""
    wrong = Library(read_ruleset("haversack"), planted("trailing zeros"))
    report = play(options("haversack", url), library=wrong)
    assert report.finding is not None
    assert report.finding.difference.what == "hash"
    assert '0"' in report.finding.difference.lua
    assert len(report.finding.case.calls) == 1


def test_an_error_in_lua_is_a_difference(url: str) -> None:
    wrong = Library(read_ruleset("haversack"), planted("no such function"))
    report = play(options("haversack", url), library=wrong)
    assert report.finding is not None
    assert report.finding.difference.what == "error in Lua"
    assert "consume" in report.finding.vector


@pytest.mark.parametrize("name", shipped_rulesets())
def test_cases_are_read_as_they_are_written(name: str) -> None:
    """Whatever a player does can be told as a vector."""
    ruleset, checked = read_ruleset(name), 0
    for seed in range(60):
        dice = Dice(seed)
        world = make_world(ruleset, dice)
        start = make_start(world, "0f0e0d0c-0b0a-4908-8706-050403020100", dice)
        if len(start.items) > 52:
            continue
        call = Call("0" * 24, tuple(Player(world, dice).call(start)))
        case = with_aliases(Case(start, world.templates, (call,)))
        (vector,) = parse_vectors(case_text(ruleset, case, "case", ruleset_name=name), "text")
        session = vector.session(ruleset.hash)
        assert (session.items, session.actor, session.facts) == (
            case.start.items,
            case.start.actor,
            case.start.facts,
        )
        assert vector.batch() == case.calls[0].decoded()
        vector.check(judge(vector, InventoryEngine(ruleset)), session)
        checked += 1
    assert checked >= 40


def test_worlds_are_of_their_ruleset(ruleset: Ruleset) -> None:
    """Each template is one that the catalog would take, for each of many seeds."""
    for seed in range(20):
        world = make_world(ruleset, Dice(seed))
        for facts in world.templates.values():
            assert ruleset.facts_errors(facts) == []
        worn = {slot for slots in world.slots.values() for slot in slots}
        assert worn == set(ruleset.slots)
        assert {name for names in world.homes.values() for name in names} == {
            name for name, entry in ruleset.containers.items() if entry.kind != "mailbox"
        }


def test_the_command_plays_on_a_server_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["parity", "--steps", "300", "--seed", "9", "--sessions", "2"]) == 0
    told = capsys.readouterr().out
    assert "haversack, seed 9: 3" in told and "no difference" in told and "applied " in told


def test_the_command_fails_where_there_is_a_difference(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = planted("level")
    monkeypatch.setattr("lua.library.shipped_sources", lambda: sources)
    assert cli.main(["parity", "--seed", "1", "--redis", url]) == 1
    told = capsys.readouterr().out
    assert "DIFFERENCE" in told and "\nruleset: haversack\n" in told
    assert left_behind(url) == ([], [])


def test_what_cannot_be_reached_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["parity", "--redis", "unix:///nowhere/at/all.sock"]) == 1
    assert "haversack: Redis: " in capsys.readouterr().err


def test_ctrl_c_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Report, *rest: object) -> None:
        assert left_behind(url)[0]
        raise KeyboardInterrupt

    # In the midst of a round, with replies still to come.
    monkeypatch.setattr(Report, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        play(options("haversack", url))
    assert left_behind(url) == ([], [])


def test_another_services_library_stays(url: str, ruleset: Ruleset) -> None:
    with redis.Redis.from_url(url) as client:
        client.function_load(Library(ruleset).code)
        client.set("inventory:shards", "1")
        play(options("haversack", url, steps=100))
        assert client.keys() == [b"inventory:shards"]
        assert len(client.function_list()) == 1


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    now = [0.0]
    monkeypatch.setattr("persistence.parity.progress.time.monotonic", lambda: now[0])
    for stream, wanted in (
        (Terminal(), "\r\x1b[Kx [######..................]  25%  250/1,000  12/s  1:00 left\r\x1b[K"),
        (io.StringIO(), "x  25%  250/1,000  12/s  1:00 left\n"),
    ):
        now[0] = 0.0
        progress = Progress(1000, "x", stream)
        progress.update(1)
        now[0] = 20.0
        progress.update(250)
        progress.end()
        assert stream.getvalue() == wanted


def test_rulesets_are_all_played() -> None:
    assert set(shipped_rulesets()) <= OUT_OF_REACH.keys()
    assert set().union(*OUT_OF_REACH.values()) <= {code.value for code in RefusalCode}
