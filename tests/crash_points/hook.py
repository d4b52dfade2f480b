"""Imports the product's modules with every boundary watched; for a process that is to die, and no other."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from tests.crash_points.boundaries import rewritten
from tests.crash_points.points import modules


class _Watched(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        # Never from a cache of bytecode: what is there is not watched.
        source = self.get_data(self.path).decode()
        return compile(rewritten(fullname.removeprefix("persistence."), source), self.path, "exec")


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        # Read beforehand: a finder that imports something would be asked for it.
        self._names = {f"persistence.{name}" for name in modules()}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.origin is None:
            return None
        spec.loader = _Watched(fullname, spec.origin)
        return spec


def install() -> None:
    """Before anything of persistence is imported."""
    early = [name for name in list(sys.modules) if name.startswith("persistence.")]
    assert not early, f"imported unwatched: {early}"
    sys.meta_path.insert(0, _Finder())
