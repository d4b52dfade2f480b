"""The wheel, installed in a clean environment far from the checkout, serves."""

import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.serving import TOKEN, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)], check=True)
    (built,) = out.glob("*.whl")
    return built


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
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[embedded]"],
        check=True,
    )
    program = (str(environment / "bin" / "haversack"),)
    with serving(tmp_path / "log", "--demo", "--data-dir", str(data_dir), program=program) as service:
        request = urllib.request.Request(
            f"{service.url}/v1/items?limit=1", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200
        assert service.stop() == 0
