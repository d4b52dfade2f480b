"""The wheel, installed in an environment that has what it asks for and nothing else, serves."""

import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.serving import TOKEN, serving

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)], check=True)
    (built,) = out.glob("*.whl")
    return built


def needed_by(whole: Distribution, *extras: str) -> dict[str, Distribution]:
    """What pip would install beside it: distributions that are installed here, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    left = [(whole, extra) for extra in ("", *extras)]
    while left:
        wanting, extra = left.pop()
        for text in wanting.requires or ():
            need = Requirement(text)
            if need.marker is not None and not need.marker.evaluate({"extra": extra}):
                continue
            there = distribution(need.name)
            assert need.specifier.contains(there.version, prereleases=True), f"{text}: {there.version}"
            found[there.name] = there
            new = {(there.name, extra) for extra in ("", *need.extras)} - seen
            seen |= new
            left += [(there, extra) for _, extra in new]
    return found


def environment_of(wheel: Path, home: Path, *extras: str) -> Path:
    """A virtual environment with the wheel, and with links to what it needs; its ``bin``.

    To fetch and unpack it all once more would take most of the test's time.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (own,) = packages.glob("haversack-*.dist-info")
    for one in needed_by(PathDistribution(own), *extras).values():
        tops = {path.parts[0] for path in one.files or ()} - {"..", "__pycache__"}
        assert tops, f"{one.name} does not say what it consists of"
        for top in tops:
            (packages / top).symlink_to(INSTALLED / top)
    return home / "bin"


def test_it_has_every_file_that_is_not_python(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    packages = ("engine", "lua", "persistence", "gateway")
    endings = {".lua", ".sql", ".toml", ".jsonl", ".json"}
    needed = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.suffix in endings
    }
    assert needed and needed <= packed


def test_it_serves_from_a_clean_environment(wheel: Path, tmp_path: Path, data_dir: Path) -> None:
    program = (str(environment_of(wheel, tmp_path / "environment", "embedded") / "haversack"),)
    with serving(tmp_path / "log", "--demo", "--data-dir", str(data_dir), program=program) as service:
        request = urllib.request.Request(
            f"{service.url}/v1/items?limit=1", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200
        assert service.stop() == 0
