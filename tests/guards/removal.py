"""Runs one test on a copy of the program in which one guard is gone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.guards.table import Guard
from tests.servers import Servers

ROOT = Path(__file__).parents[2]
COPIED = ("engine", "lua", "persistence", "gateway", "tests", "pyproject.toml")
# To import all that are installed takes longer than most of the tests do.
_PLUGINS = ("-p", "pytest_asyncio.plugin")
_FAILED = 1


def copy(home: Path) -> Path:
    """The program and its tests under ``home``, with what is compiled of them."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, home / name)
        else:
            shutil.copy(source, home)
    return home


def misses(tree: Path, guard: Guard, servers: Servers) -> str | None:
    """None when the test fails without the guard, as it should; else what happened instead.

    The run uses ``servers`` where it needs an embedded pair.
    """
    path = tree / guard.file
    whole = path.read_text()
    if whole.count(guard.text) != 1:
        return f"{guard.file} has the guard's text {whole.count(guard.text)} times"
    path.write_text(whole.replace(guard.text, guard.instead))
    try:
        run = subprocess.run(
            [
                sys.executable,
                "-P",
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                *_PLUGINS,
                "--no-header",
                guard.test,
            ],
            cwd=tree,
            env=_environment(tree) | servers.lent(),
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        path.write_text(whole)
    if run.returncode == _FAILED and "1 failed" in run.stdout:
        return None
    return f"{guard.test} ended with {run.returncode}:\n{run.stdout[-2000:]}{run.stderr[-500:]}"


def _environment(tree: Path) -> dict[str, str]:
    # The copy comes before the program that is installed.
    return os.environ | {
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
