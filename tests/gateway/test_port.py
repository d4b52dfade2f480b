"""A port that is taken is found before any server is started for it."""

import socket
from pathlib import Path

import pytest

from gateway.serving.listening import PortTaken, check_free
from tests.commands import command


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken(workers: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"HAVERSACK_DATA_DIR": str(tmp_path / "data"), "HAVERSACK_WORKERS": workers}
        ran = command(settings, "serve", "--port", str(port))
    assert (ran.status, ran.errors) == (1, f"haversack: port {port} is taken; --port names another\n")
    assert not (tmp_path / "data").exists()


def test_a_port_is_free_again_after_the_look() -> None:
    for _ in range(2):
        check_free("127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)


def test_other_errors_are_told_as_they_are() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:8080"):
        check_free("192.0.2.1", 8080)
