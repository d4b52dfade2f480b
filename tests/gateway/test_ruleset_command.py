"""``haversack ruleset check``, and how a server says why it does not start with a ruleset."""

from pathlib import Path

import pytest

from gateway import cli
from gateway.command_line.ruleset import ERRORS_SHOWN

ENGINE = Path(__file__).parents[1] / "engine"
GOOD = ENGINE / "good.toml"

SUMMARY = """\
ruleset         game
hash            HASH
slots           2: hand, both
groups          arms: hand
containers      bag: 5 slots and 1 for each point of strength; takes weapon, armor; tagged blade
                post: a mailbox; takes every kind; shared
limit groups    relic: at most 1 worn
states          stunned: locks hand
                dead: forbids use; spares armor, blade
auto-placement  bag
overflow        post
"""


def test_a_good_ruleset_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ruleset", "check", str(GOOD)]) == 0
    told, errors = capsys.readouterr()
    lines = told.splitlines()
    assert errors == ""
    assert len(lines[1].split()[1]) == 12
    assert told == SUMMARY.replace("HASH", lines[1].split()[1])


def test_what_a_ruleset_does_not_have_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        'name = "r"\nitems.kinds = ["a"]\ncarry.base = 1\nplacement.auto = ["bag"]\n'
        '[actor]\nstates = ["idle", "banking", "dead"]\n[[slots]]\nname = "hand"\nlocked_while = ["dead"]\n'
        '[[containers]]\nname = "bag"\nkind = "slots"\nconsumable = false\nlocked_while = ["dead"]\n'
        'open_while = ["banking"]\nweighs = false\n[[limit_groups]]\nname = "relic"\nmax_carried = 2\n'
        "max_equipped = 1\n"
    )
    assert cli.main(["ruleset", "check", str(path)]) == 0
    told = capsys.readouterr().out
    for line in (
        "groups          none",
        "overflow        none",
        "states          idle: changes nothing",
        "                dead: locks every slot; shuts bag",
        "containers      bag: 0 slots; takes every kind; open only while banking; weighs nothing; "
        "spared by\n                  consume",
        "limit groups    relic: at most 2 carried and 1 worn",
    ):
        assert f"{line}\n" in told


def test_hints_follow_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD.read_text().replace('forbids = ["use"]\n', ""))
    assert cli.main(["ruleset", "check", str(path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"{path}:40: state_rules.dead: hint: ")


def bad(tmp_path: Path, number: int) -> Path:
    path = tmp_path / "bad.toml"
    path.write_text(
        GOOD.read_text() + "forbid = 1\n" + "".join(f"wrong_{n} = 1\n" for n in range(number - 1))
    )
    return path


def test_all_faults_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bad(tmp_path, 30)
    assert cli.main(["ruleset", "check", str(path)]) == 2
    told, errors = capsys.readouterr()
    assert told == ""
    assert len(errors.splitlines()) == 30
    assert errors.startswith(f"{path}:45: state_rules.dead.forbid: is not a known key; ")


def test_a_shipped_one_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["ruleset", "check", "haversack"]) == 0
    assert capsys.readouterr().out.startswith("ruleset         haversack\n")
    assert cli.main(["ruleset", "check", "chess"]) == 2
    assert "no such ruleset is shipped, only " in capsys.readouterr().err
    (tmp_path / "chess").write_text(GOOD.read_text())
    assert cli.main(["ruleset", "check", "chess"]) == 0


def test_settings_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAVERSACK_PORT", "many")
    monkeypatch.setenv("HAVERSACK_RULESET", "chess")
    assert cli.main(["ruleset", "check", str(GOOD)]) == 0


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ruleset", "check", str(tmp_path / "none.toml")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/none.toml: cannot be read: No such file or directory\n"


@pytest.mark.parametrize(("number", "lines"), [(1, 1), (20, 20), (22, 21)])
def test_a_server_does_not_start_with_a_bad_ruleset(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    lines: int,
) -> None:
    """It says the first of what is wrong, before it starts anything."""
    path = bad(tmp_path, number)
    monkeypatch.setenv("HAVERSACK_RULESET", str(path))
    assert cli.main(["serve", "--data-dir", str(tmp_path / "data")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == lines
    assert told[0].startswith(f"{path}:45: state_rules.dead.forbid: ")
    if number > ERRORS_SHOWN:
        assert told[-1] == "and 2 more; `haversack ruleset check FILE` tells all"
    assert not (tmp_path / "data").exists()
