"""A Valkey or Redis server alone: its settings, its durability, and how it fails."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from persistence.embedded import DataInUse, EmbeddedError, ServerFailed, ValkeyServer
from persistence.embedded import server as server_module
from tests.embedded.clients import eventually, valkey, written


def test_it_keeps_everything_and_listens_to_no_network(redis_binary: Path, shelf: Path) -> None:
    with ValkeyServer(binary=redis_binary, home=shelf) as server, valkey(server.url) as client:
        expected = {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "port": "0",
            "unixsocketperm": "700",
            "dir": str(shelf / "valkey"),
        }
        assert {name: client.config_get(name)[name] for name in expected} == expected
        assert os.getsid(server.pid) == server.pid != os.getsid(0)
        assert Path(f"/proc/{server.pid}/fd/0").readlink() == Path("/dev/null")
    assert not server.alive()


def test_it_inherits_no_descriptor_of_ours(redis_binary: Path, shelf: Path) -> None:
    with (shelf / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        with ValkeyServer(binary=redis_binary, home=shelf) as server:
            fds = Path(f"/proc/{server.pid}/fd").iterdir()
            assert shelf / "ours" not in {fd.readlink() for fd in fds}


def test_data_outlives_a_stop_and_a_kill(redis_binary: Path, shelf: Path) -> None:
    with ValkeyServer(binary=redis_binary, home=shelf) as server, valkey(server.url) as client:
        client.set("first", "1")
    server = ValkeyServer(binary=redis_binary, home=shelf).start()
    with valkey(server.url) as client:
        assert client.get("first") == "1"
        client.set("second", "2")
        written(client)
    os.kill(server.pid, signal.SIGKILL)
    eventually(server.dead)
    assert "was ended by SIGKILL" in str(server.dead())
    server.stop()
    with ValkeyServer(binary=redis_binary, home=shelf) as server, valkey(server.url) as client:
        assert (client.get("first"), client.get("second")) == ("1", "2")


def test_settings_can_be_replaced(redis_binary: Path, shelf: Path) -> None:
    settings = {"appendonly": "no", "maxmemory": "20mb"}
    with (
        ValkeyServer(binary=redis_binary, home=shelf, settings=settings) as server,
        valkey(server.url) as client,
    ):
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("maxmemory") == {"maxmemory": str(20 << 20)}


def test_a_long_load_is_waited_for(redis_binary: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ValkeyServer(binary=redis_binary, home=shelf) as server, valkey(server.url) as client:
        pipeline = client.pipeline(transaction=False)
        for number in range(3_000):
            pipeline.set(f"key:{number}", number)
        pipeline.execute()
    # The load takes about twice as long as a server may be silent.
    monkeypatch.setattr(server_module, "_SILENCE_S", 0.7)
    slow = {"key-load-delay": "400"}
    seen: list[server_module.Readiness] = []
    probe = ValkeyServer._probe

    def watched(self: ValkeyServer) -> server_module.Readiness:
        seen.append(probe(self))
        return seen[-1]

    monkeypatch.setattr(ValkeyServer, "_probe", watched)
    with (
        ValkeyServer(binary=redis_binary, home=shelf, settings=slow) as server,
        valkey(server.url) as client,
    ):
        assert client.dbsize() == 3_000
    assert server_module.Readiness.LOADING in seen


def test_one_that_never_answers_is_given_up(
    redis_binary: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_SILENCE_S", 0.3)
    monkeypatch.setattr(ValkeyServer, "_probe", lambda self: server_module.Readiness.SILENT)
    server = ValkeyServer(binary=redis_binary, home=shelf)
    with pytest.raises(ServerFailed, match="does not answer; its log is"):
        server.start()
    assert not server.alive()


def test_the_error_of_a_failed_start_quotes_the_log(redis_binary: Path, shelf: Path) -> None:
    with ValkeyServer(binary=redis_binary, home=shelf) as server, valkey(server.url) as client:
        for number in range(100):
            client.set(f"key:{number}", "x" * 100)
    (increment,) = shelf.glob("valkey/appendonlydir/*.incr.aof")
    content = increment.read_bytes()
    increment.write_bytes(content.replace(b"*3\r\n", b"!3\r\n"))
    with pytest.raises(ServerFailed) as caught:
        ValkeyServer(binary=redis_binary, home=shelf).start()
    assert "ended with status 1" in str(caught.value)
    assert f"{shelf / 'valkey.log'} says:\n" in str(caught.value)
    assert "Bad file format reading the append only file" in str(caught.value)


def test_a_binary_that_cannot_run_is_a_clear_error(shelf: Path) -> None:
    (shelf / "valkey-server").write_text("no program")
    with pytest.raises(ServerFailed, match=r"Valkey cannot be started: .*valkey-server: Permission denied"):
        ValkeyServer(binary=shelf / "valkey-server", home=shelf).start()


def test_a_file_in_the_way_is_a_clear_error(redis_binary: Path, shelf: Path) -> None:
    (shelf / "valkey").write_text("")
    with pytest.raises(EmbeddedError, match="Valkey's files cannot be prepared"):
        ValkeyServer(binary=redis_binary, home=shelf).start()


def test_one_that_somebody_started_by_hand_is_not_joined(redis_binary: Path, shelf: Path) -> None:
    (shelf / "valkey").mkdir()
    by_hand = subprocess.Popen(
        [redis_binary, "--port", "0", "--unixsocket", shelf / "by-hand.sock"],
        cwd=shelf / "valkey",
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually((shelf / "by-hand.sock").exists)
        with pytest.raises(DataInUse, match=f"in use by process {by_hand.pid}, which Haversack did not"):
            ValkeyServer(binary=redis_binary, home=shelf).start()
        assert by_hand.poll() is None
    finally:
        by_hand.kill()
        by_hand.wait()


def test_a_server_left_running_is_stopped_before_the_next(redis_binary: Path, shelf: Path) -> None:
    left = ValkeyServer(binary=redis_binary, home=shelf).start()
    with valkey(left.url) as client:
        client.set("key", "value")
    with ValkeyServer(binary=redis_binary, home=shelf) as server, valkey(server.url) as client:
        assert not left.alive()
        assert "ended with status 0" in str(left.dead())
        assert server.url == left.url
        assert client.get("key") == "value"
