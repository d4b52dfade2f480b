"""A PostgreSQL server alone: its database, its durability, and what is done about leftovers."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from persistence.embedded import DataInUse, PostgresServer, ServerFailed
from persistence.embedded.account import choose_account
from tests.embedded.clients import eventually, runs, sql
from tests.servers import DEBIAN_POSTGRES, need

Make = Callable[[], PostgresServer]


@pytest.fixture
def make(postgres_bin_dir: Path, shelf: Path) -> Make:
    return lambda: PostgresServer(bin_dir=postgres_bin_dir, home=shelf, settings={"fsync": "off"})


def test_it_is_utf8_durable_and_listens_to_no_network(postgres_bin_dir: Path, shelf: Path) -> None:
    with PostgresServer(bin_dir=postgres_bin_dir, home=shelf) as server:
        assert sql(server.url, "SELECT current_user || '@' || current_database()") == "haversack@haversack"
        settings = {
            "server_encoding": "UTF8",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "TimeZone": "UTC",
        }
        assert {name: sql(server.url, f"SHOW {name}") for name in settings} == settings
        assert sql(server.url, "SELECT 'Z' < 'a' AND 'z' < 'ä'"), "the order of the locale C"
        assert os.getsid(server.pid) == server.pid
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner != 0
        assert (shelf / "postgres").stat().st_uid == owner
        assert (shelf / "postgres").stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("ready_files")
def test_settings_can_be_replaced(make: Make) -> None:
    with make() as server:
        assert sql(server.url, "SHOW fsync") == "off"


def test_data_outlives_a_stop_and_a_kill(make: Make) -> None:
    with make() as server:
        sql(server.url, "CREATE TABLE kept (n int)")
    server = make().start()
    sql(server.url, "INSERT INTO kept VALUES (1), (2)")
    os.kill(server.pid, signal.SIGKILL)
    eventually(server.dead)
    assert "was ended by SIGKILL" in str(server.dead())
    server.stop()
    with make() as server:
        assert sql(server.url, "SELECT count(*) FROM kept") == 2


@pytest.mark.usefixtures("ready_files")
@pytest.mark.parametrize("by", ["stop", "next start"])
def test_a_backend_that_outlives_its_postmaster_is_got_rid_of(make: Make, by: str) -> None:
    """A backend in the middle of a computation does not notice that its postmaster was killed."""
    server = make().start()
    sql(server.url, "CREATE TABLE kept AS SELECT 1 AS n")
    loop = "DO $$ BEGIN LOOP END LOOP; END $$"
    client = subprocess.Popen(
        [os.fspath(_psql()), "-h", _socket_dir(server), "-U", "haversack", "haversack", "-c", loop],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    find = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO $$%'"
    eventually(lambda: sql(server.url, find))
    backend = int(str(sql(server.url, find)))
    os.kill(server.pid, signal.SIGKILL)
    eventually(server.dead)
    assert runs(backend)
    if by == "stop":
        server.stop()
        # Killed it is; a busy machine may take its time to bury it.
        eventually(lambda: not runs(backend))
    with make() as again:
        assert not runs(backend)
        assert sql(again.url, "SELECT n FROM kept") == 1
    client.wait(10)
    server.stop()


def test_half_made_files_are_made_again(make: Make, shelf: Path) -> None:
    half = shelf / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (half / "base").mkdir()
    with make() as server:
        assert sql(server.url, "SELECT 1") == 1
    assert not half.exists()


@pytest.mark.usefixtures("ready_files")
def test_a_database_that_was_not_created_yet_is_created(make: Make) -> None:
    with make() as server:
        elsewhere = server.url.replace("@/haversack", "@/postgres")
        sql(elsewhere, "DROP DATABASE haversack")
    with make() as server:
        assert sql(server.url, "SELECT current_database()") == "haversack"


def test_a_reused_pid_in_postmaster_pid_is_seen_through(make: Make, ready_files: Path) -> None:
    account = choose_account(ready_files)
    # PostgreSQL pays heed to any living process of its own account.
    innocent = subprocess.Popen(
        ["sleep", "60"], user=account.uid if account else None, group=account.gid if account else None
    )
    try:
        pid_file = ready_files / "postmaster.pid"
        pid_file.write_text(f"{innocent.pid}\n{ready_files}\n1700000000\n5432\n/tmp\n\n  1 2\n")
        pid_file.chmod(0o600)
        if account:
            os.chown(pid_file, account.uid, account.gid)
        with make() as server:
            assert sql(server.url, "SELECT 1") == 1
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_one_that_somebody_started_by_hand_is_not_joined(
    make: Make, postgres_bin_dir: Path, ready_files: Path
) -> None:
    account = choose_account(ready_files)
    by_hand = subprocess.Popen(
        [postgres_bin_dir / "postgres", "-D", ready_files, "-h", "", "-k", ready_files, "-c", "fsync=off"],
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
    )
    try:
        pid_file = ready_files / "postmaster.pid"
        eventually(lambda: pid_file.exists() and "ready" in pid_file.read_text())
        with pytest.raises(DataInUse, match=f"in use by process {by_hand.pid}, which Haversack did not"):
            make().start()
        assert by_hand.poll() is None
    finally:
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(20)


def test_the_error_of_a_failed_start_quotes_the_log(make: Make, shelf: Path, ready_files: Path) -> None:
    (ready_files / "postgresql.conf").write_text("no_such_setting = on\n")
    with pytest.raises(ServerFailed) as caught:
        make().start()
    assert "ended with status 1" in str(caught.value)
    assert f"{shelf / 'postgres.log'} says:\n" in str(caught.value)
    assert "no_such_setting" in str(caught.value)


def test_the_error_of_a_failed_initdb_quotes_the_log(
    postgres_bin_dir: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.embedded.postgres.NAME", "pg_forbidden")
    with pytest.raises(ServerFailed, match=r"initdb ended with status 1; its log .* says:") as caught:
        PostgresServer(bin_dir=postgres_bin_dir, home=shelf).start()
    assert "pg_" in str(caught.value)
    assert not (shelf / "postgres").exists()


def _socket_dir(server: PostgresServer) -> str:
    return str(server._socket_dir)


def _psql() -> Path:
    return DEBIAN_POSTGRES / "psql" if DEBIAN_POSTGRES.exists() else need("Debian's postgresql-15")
