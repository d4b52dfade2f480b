"""All crash points: the boundaries in the modules that take part, and what goes over the wire.

The modules are those that ``persistence.service`` imports, however far away. Over the wire go the
functions of the Lua library, the other commands to Redis, the named statements, and one COMMIT for
each transaction; each of those is a point as well, with the moment between sending and reply.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lua.contract import read_contract
from lua.library import shipped_sources
from tests.crash_points.boundaries import Boundaries
from tests.crash_points.elsewhere import elsewhere

ROOT = Path(__file__).parents[2]
LISTED = Path(__file__).with_name("points.txt")
WIRE = ("before", "sent", "after")


@cache
def modules() -> dict[str, str]:
    """Source by module name, of ``persistence.service`` and all of persistence that it imports."""
    found: dict[str, str] = {}
    todo = ["service"]
    while todo:
        name = todo.pop()
        place = ROOT / "persistence" / name.replace(".", "/")
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if name in found or not path.exists():
            continue
        found[name] = path.read_text("utf-8")
        todo += _imported(found[name])
    return dict(sorted(found.items()))


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "persistence":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("persistence."):
            module = (node.module or "").removeprefix("persistence.")
            yield module
            # A module of a package, or a name of a module, which is none.
            yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def in_source() -> dict[str, tuple[str, ...]]:
    """Every boundary and its moments, those of ``elsewhere`` too."""
    return {name: moments for visited in _visited().values() for name, moments in visited.found.items()}


@cache
def _visited() -> dict[str, Boundaries]:
    visits = {}
    for module, source in modules().items():
        visits[module] = Boundaries(module)
        visits[module].visit(ast.parse(source))
    return visits


def scope_of(point: str) -> str:
    """The function that a boundary stands in."""
    return _scopes()[point]


@cache
def _scopes() -> dict[str, str]:
    return {name: scope for visited in _visited().values() for name, scope in visited.scopes.items()}


@cache
def enumerated() -> dict[str, tuple[str, ...]]:
    """Every crash point and its moments."""
    found = {name: moments for name, moments in in_source().items() if elsewhere(scope_of(name)) is None}
    return found | dict.fromkeys(sorted(on_the_wire()), WIRE)


@cache
def on_the_wire() -> set[str]:
    """What is sent by the functions that take part."""
    contracts = [read_contract(stem, text) for stem, text in shipped_sources().items()]
    found = {f"redis: {contract.name}" for contract in contracts if contract.is_function}
    found |= {"sql: BEGIN", "sql: ROLLBACK"}
    for module, source in modules().items():
        for scope, function in _functions(module, ast.parse(source)):
            if elsewhere(scope) is None:
                found |= set(_commands(function)) | set(_statements(function, scope))
    return found


def _functions(module: str, tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(module, node)


def _commands(function: ast.AST) -> Iterator[str]:
    """Commands are spelled in capitals: as the arguments of ``call``, or as tuples that are passed on."""
    for node in ast.walk(function):
        found: list[list[ast.expr]] = []
        if isinstance(node, ast.Call | ast.List):
            members = node.args if isinstance(node, ast.Call) else node.elts
            found += (member.elts for member in members if isinstance(member, ast.Tuple))
        if isinstance(node, ast.ListComp | ast.GeneratorExp) and isinstance(node.elt, ast.Tuple):
            found.append(node.elt.elts)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call":
            found.append(node.args)
        for parts in found:
            words = [part.value for part in parts[:2] if isinstance(part, ast.Constant)]
            if words and str(words[0]).isupper():
                yield redis_point([str(word) for word in words])


def redis_point(words: list[str]) -> str:
    return "redis: " + " ".join(words[:2] if words[0] in ("FUNCTION", "CONFIG") else words[:1])


def _statements(function: ast.AST, scope: str) -> Iterator[str]:
    for node in ast.walk(function):
        if name := _queried(node):
            yield f"sql: {name}"
        if isinstance(node, ast.AsyncWith) and ".transaction(" in ast.unparse(node.items[0].context_expr):
            inside = (inner for statement in node.body for inner in _in_order(statement))
            yield f"sql: COMMIT of {next(filter(None, map(_queried, inside)), scope)}"


def _queried(node: ast.AST) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "query":
        (name,) = node.args
        return str(name.value) if isinstance(name, ast.Constant) else ""
    return ""


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


def as_text() -> str:
    return "".join(f"{name}\n" for name in enumerated())
