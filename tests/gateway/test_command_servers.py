"""Commands beside `serve` on a directory where no server has ever been: most refuse, few may make one."""

from pathlib import Path
from typing import Any, NoReturn

import pytest

from gateway.configuration.settings import Settings
from gateway.serving import command_servers
from gateway.serving.which_servers import servers_line
from persistence.embedded import EmbeddedError, has_database, has_redis
from persistence.embedded.files import write_path
from tests.commands import command

ID = "11111111-1111-4111-8111-111111111111"
LOOKING = [
    ["audit"],
    ["catalog", "versions"],
    ["catalog", "diff", "FILE"],
    ["catalog", "restore", "1"],
    ["character", "history", ID],
    ["character", "restore", ID, "--at", "1"],
    ["character", "repair", ID],
    ["character", "release", ID],
    ["character", "export", ID],
    ["character", "erase", ID, "--yes"],
    ["character", "quarantined"],
    ["flush"],
    ["ledger", "trim", "--keep-days", "7"],
    ["outbox", "status"],
    ["outbox", "skip", ID],
    ["outbox", "forget", "--yes"],
    ["recover", "--yes"],
]
BRINGING = [["catalog", "import", "FILE"], ["import", "--csv", "FILE", "--dry-run"], ["migrate"]]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Empty: a catalog or a table without anything in it."""
    (tmp_path / "file").touch()
    return str(tmp_path / "file")


@pytest.mark.parametrize("arguments", LOOKING, ids=" ".join)
def test_nothing_is_made_to_be_looked_at(arguments: list[str], file: str, tmp_path: Path) -> None:
    """A mistyped directory or a forgotten setting would otherwise become a new, empty deployment."""
    words = [file if word == "FILE" else word for word in arguments]
    ran = command({"HAVERSACK_DATA_DIR": str(tmp_path / "typo")}, *words)
    assert (ran.status, ran.output) == (1, "")
    assert ran.errors.startswith(f"haversack: no PostgreSQL has been started in {tmp_path / 'typo'} yet, so")
    assert not (tmp_path / "typo").exists()


def test_where_one_has_been_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the directory itself, or, for root, in the place that is recorded there, from wherever one looks."""
    here, place = tmp_path / "data", tmp_path / "place"
    for directory in (here, place / "postgres"):
        directory.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not has_database(Path("data"))
    write_path(here / "postgres.place", place)
    write_path(place / "data-dir", here)
    assert has_database(Path("data")) and has_database(here)
    (here / "postgres.place").unlink()
    (here / "postgres").mkdir()
    assert has_database(Path("data")) and not has_redis(Path("data"))


def test_a_lost_valkey_is_missed_where_postgresql_is_elsewhere(tmp_path: Path) -> None:
    settings = {"HAVERSACK_DATA_DIR": str(tmp_path / "typo"), "HAVERSACK_DATABASE_URL": "postgresql://none"}
    ran = command(settings, "audit")
    assert ran.status == 1 and ran.errors.startswith("haversack: no Valkey has been started in ")


@pytest.mark.parametrize("arguments", BRINGING, ids=lambda words: words[0])
@pytest.mark.parametrize("form", ["text", "json"])
def test_who_may_make_one_tells_where(
    arguments: list[str], form: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any, **__: Any) -> NoReturn:
        raise EmbeddedError("far enough")

    monkeypatch.setattr(command_servers.EmbeddedServers, "start", start)
    monkeypatch.chdir(tmp_path)
    words = [file if word == "FILE" else word for word in arguments]
    ran = command({"HAVERSACK_DATA_DIR": "new", "HAVERSACK_LOG": form}, *words)
    where = "PostgreSQL: embedded, in ./new\n"
    assert ran.status == 1
    assert ran.errors == (where + "haversack: far enough\n" if form == "text" else "")


def test_which_servers_are_told_without_a_password() -> None:
    assert servers_line(Settings()) == "PostgreSQL and Redis: embedded, in ./.haversack"
    assert servers_line(Settings(data_dir=Path("/srv/x"))).endswith(" embedded, in /srv/x")
    assert servers_line(Settings(data_dir=Path("../x"), redis_url="rediss://u:pw@cache:6380/1?k=v")) == (
        "PostgreSQL: embedded, in ../x; Redis: rediss://cache:6380/1"
    )
    both = Settings(database_url="postgresql://u:pw@db/game?password=pw", redis_url="redis://:pw@cache")
    assert servers_line(both) == "PostgreSQL: postgresql://db/game; Redis: redis://cache"
