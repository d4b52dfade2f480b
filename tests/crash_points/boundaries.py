"""The boundaries in a module's source: every ``await``, ``async with`` and ``async for``, named.

One pass both names them and, for a process that is to die, puts a call of ``moments`` around each;
so what is listed and what is tried can never differ.
"""

import ast
from collections import Counter

TEXT_LONGEST = 70
MOMENTS = {
    "await": ("before", "after"),
    "async with": ("entering", "entered", "leaving", "left"),
    "async for": ("before", "after"),
}
_WATCH = {"await": "awaited", "async with": "entered", "async for": "stepped"}
_MODULE = "_crash_moments"


class Boundaries(ast.NodeTransformer):
    """Visits one module; ``found`` has the names, ``scopes`` the function of each."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.found: dict[str, tuple[str, ...]] = {}
        self.scopes: dict[str, str] = {}
        self._scope: list[str] = []
        self._seen: Counter[str] = Counter()

    def _scoped(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        # A class says nothing that the module's name has not said.
        inner = [] if isinstance(node, ast.ClassDef) else [node.name]
        self._scope += inner
        self.generic_visit(node)
        del self._scope[len(self._scope) - len(inner) :]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _scoped  # noqa: N815

    def visit_Await(self, node: ast.Await) -> ast.AST:
        name = self._name("await", node.value)
        self.generic_visit(node)
        node.value = _watched("await", name, node.value)
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        names = [self._name("async with", item.context_expr) for item in node.items]
        self.generic_visit(node)
        for name, item in zip(names, node.items, strict=True):
            item.context_expr = _watched("async with", name, item.context_expr)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        name = self._name("async for", node.iter)
        self.generic_visit(node)
        node.iter = _watched("async for", name, node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        name = self._name("async for", node.iter) if node.is_async else ""
        self.generic_visit(node)
        if name:
            node.iter = _watched("async for", name, node.iter)
        return node

    def _name(self, kind: str, node: ast.expr) -> str:
        scope = ".".join([self.module, *self._scope])
        name = f"{scope}: {kind} {_text(node)}"
        self._seen[name] += 1
        if self._seen[name] > 1:
            name = f"{name} #{self._seen[name]}"
        self.found[name] = MOMENTS[kind]
        self.scopes[name] = scope
        return name


def _text(node: ast.expr) -> str:
    """The expression on one line; of a long call only its first argument, which often says what it is."""
    text = " ".join(ast.unparse(node).split())
    if len(text) <= TEXT_LONGEST or not isinstance(node, ast.Call):
        return text
    first = f"{ast.unparse(node.args[0])}, " if node.args else ""
    return f"{ast.unparse(node.func)}({first if len(first) <= TEXT_LONGEST // 2 else ''}…)"


def _watched(kind: str, name: str, node: ast.expr) -> ast.expr:
    watch = ast.Attribute(ast.Name(_MODULE, ast.Load()), _WATCH[kind], ast.Load())
    return ast.copy_location(ast.Call(watch, [ast.Constant(name), node], []), node)


def rewritten(module: str, source: str) -> ast.Module:
    """The module with every boundary watched."""
    tree: ast.Module = Boundaries(module).visit(ast.parse(source))
    watch = ast.ImportFrom("tests.crash_points", [ast.alias("moments", _MODULE)], 0)
    # After the docstring, which must come first.
    tree.body.insert(1, watch)
    return ast.fix_missing_locations(tree)
