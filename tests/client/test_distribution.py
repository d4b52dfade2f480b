"""The wheel: what is in it, and its README's example, run as it stands there from an installation."""

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from haversack_client import VERSION
from tests.serving import TOKEN, Serving

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client"
SERVER = ("engine", "lua", "persistence", "gateway")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(CLIENT)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target"]
    subprocess.run([*pip, str(target), str(wheel)], check=True)
    return target


def blocks(language: str) -> list[str]:
    text = (CLIENT / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_it_brings_one_package_and_nothing_else(wheel: Path, installed: Path) -> None:
    packed = zipfile.ZipFile(wheel).namelist()
    information = f"haversack_client-{VERSION}.dist-info"
    assert {name.split("/")[0] for name in packed} == {"haversack_client", information}
    assert "haversack_client/py.typed" in packed and f"{information}/licenses/LICENSE" in packed
    metadata = (installed / information / "METADATA").read_text("utf-8")
    needed = re.findall(r"^Requires-Dist: ([a-zA-Z-]+)", metadata, re.MULTILINE)
    assert needed == ["aiohttp", "msgspec"]
    assert f"Version: {VERSION}\n" in metadata
    sources = {path.name for path in (CLIENT / "haversack_client").glob("*.py")}
    assert sources == {Path(name).name for name in packed if name.endswith(".py")}


def test_it_imports_nothing_of_the_server_and_is_imported_by_none() -> None:
    """Nor anything that its distribution does not ask for."""
    allowed = {*sys.stdlib_module_names, "aiohttp", "msgspec", "haversack_client"}
    for path in (CLIENT / "haversack_client").rglob("*.py"):
        assert imported(path) <= allowed, path
    for package in SERVER:
        for path in (ROOT / package).rglob("*.py"):
            assert "haversack_client" not in imported(path), path


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_example_of_its_readme(service: Serving, installed: Path) -> None:
    """It prints what stands there, with nothing but the wheel and its dependencies to import."""
    (example,) = blocks("python")
    (expected,) = blocks("text")
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(installed)!r})\n{example}"],
        env=os.environ | {"URL": service.url, "TOKEN": TOKEN},
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, expected), done.stderr
