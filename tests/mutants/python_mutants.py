"""Mutants of a Python file of the rules, by its syntax tree.

A guard is a statement that may refuse: an ``if`` or a loop with a refusal in it, or a ``yield from``.
Each mutation alters the tree, is written down, and is taken back before the next.
"""

import ast
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from tests.mutants.mutant import Mutant, one_line

_BOUNDARY: dict[type, type] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_EQUALITY: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}  # fmt: skip
_SIGN: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_EXTREME = {"min": "max", "max": "min"}
_REFUSES = (ast.Yield, ast.YieldFrom)

# A mutation: its kind, line, and the code before and after, while the tree is altered.
_Mutation = tuple[str, int, str, str]


def python_mutants(path: str, text: str) -> list[Mutant]:
    """All mutants of one file, in the order of their lines; no two are alike."""
    tree = ast.parse(text)
    unaltered = ast.unparse(tree)
    found: dict[str, Mutant] = {}
    for kind, line, before, after in _mutations(tree):
        source = ast.unparse(ast.fix_missing_locations(tree))
        if source != unaltered:
            found.setdefault(source, Mutant(path, line, kind, before, after, source))
    assert ast.unparse(tree) == unaltered, "a mutation was not taken back"
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _mutations(tree: ast.Module) -> Iterator[_Mutation]:
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and not isinstance(node, ast.Module | ast.ClassDef):
                yield from _in_block(block)
        if isinstance(node, ast.stmt):
            yield from _in_statement(node)


def _in_block(block: list[ast.stmt]) -> Iterator[_Mutation]:
    guards = [place for place, statement in enumerate(block) if _is_guard(statement)]
    original = block[:]
    for place, statement in enumerate(original):
        if _is_guard(statement) or _has_effect(statement):
            block[place] = ast.Pass()
            yield "removed", statement.lineno, _shown(statement), ""
            block[:] = original
    for place, following in pairwise(guards):
        block[:] = [*original[:place], *original[place + 1 : following + 1], original[place]]
        block += original[following + 1 :]
        yield "swapped", original[place].lineno, _shown(original[place]), _shown(original[following])
        block[:] = original


def _is_guard(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.YieldFrom)
    if not isinstance(statement, ast.If | ast.For):
        return False
    return any(isinstance(node, _REFUSES) or _is_refusal(node) for node in ast.walk(statement))


def _is_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "refuse"


def _has_effect(statement: ast.stmt) -> bool:
    match statement:
        case ast.If(orelse=[]) | ast.Expr(value=ast.Call()) | ast.Delete():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
        case ast.AugAssign() | ast.AnnAssign(target=ast.Attribute()):
            return True
    return False


def _in_statement(statement: ast.stmt) -> Iterator[_Mutation]:
    if isinstance(statement, ast.Assert):
        return
    before = _shown(statement)
    for owner, field, place, node in _expressions(statement):
        for kind, other in _others(owner, field, node):
            _put(owner, field, place, other)
            yield kind, getattr(node, "lineno", statement.lineno), before, _shown(statement)
            _put(owner, field, place, node)
    if isinstance(statement, ast.AugAssign) and type(statement.op) in _SIGN:
        kept, statement.op = statement.op, _SIGN[type(statement.op)]()
        yield "plus or minus", statement.lineno, before, _shown(statement)
        statement.op = kept


def _expressions(statement: ast.stmt) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Each expression of the statement itself: what has it, in which field, at which place of a list."""
    pending: list[ast.AST] = [statement]
    while pending:
        owner = pending.pop()
        for field, value in ast.iter_fields(owner):
            if field in ("annotation", "returns", "decorator_list", "pattern"):
                continue
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.expr | ast.comprehension | ast.keyword):
                    yield owner, field, place, node
                    pending.append(node)


def _others(owner: ast.AST, field: str, node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    is_test = field == "test"
    if is_test:
        negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        assert isinstance(node, ast.expr)
        yield "inverted", node.operand if negated else ast.UnaryOp(ast.Not(), node)  # type: ignore[attr-defined]
    match node:
        case ast.Compare(ops=[op]) if type(op) in _BOUNDARY:
            yield "boundary", ast.Compare(node.left, [_BOUNDARY[type(op)]()], node.comparators)
        case ast.Compare(ops=[op]) if type(op) in _EQUALITY and not is_test:
            yield "equality flipped", ast.Compare(node.left, [_EQUALITY[type(op)]()], node.comparators)
        case ast.BoolOp(op=op, values=values):
            yield "and or", ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for index in range(len(values)):
                yield "part dropped", _without(op, values, index)
        case ast.UnaryOp(op=ast.Not(), operand=operand) if not is_test:
            yield "not dropped", operand
        case ast.BinOp(op=op) if type(op) in _SIGN:
            yield "plus or minus", ast.BinOp(node.left, _SIGN[type(op)](), node.right)
        case ast.Call(func=ast.Name(id=name)) if name in _EXTREME:
            yield "min or max", ast.Call(ast.Name(_EXTREME[name]), node.args, node.keywords)
        case ast.Constant(value=bool(value)):
            yield "flag flipped", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield "off by one", ast.Constant(value + 1)
        case ast.comprehension(ifs=[_, *_]):
            for index in range(len(node.ifs)):
                fewer = node.ifs[:index] + node.ifs[index + 1 :]
                yield "part dropped", ast.comprehension(node.target, node.iter, fewer, 0)
    loop = field == "iter" and isinstance(owner, ast.For)
    if loop or isinstance(node, ast.ListComp):
        yield "order reversed", _reversed(node)


def _without(op: ast.boolop, values: Sequence[ast.expr], index: int) -> ast.expr:
    rest = [*values[:index], *values[index + 1 :]]
    return rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)


def _reversed(listed: Any) -> ast.expr:
    call = ast.Call(ast.Name("list"), [listed], [])
    return ast.Call(ast.Name("list"), [ast.Call(ast.Name("reversed"), [call], [])], [])


def _put(owner: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[place] = node


def _shown(statement: ast.AST) -> str:
    """Of a compound statement the head alone."""
    text = ast.unparse(ast.fix_missing_locations(statement))
    compound = isinstance(statement, ast.If | ast.For | ast.While | ast.FunctionDef | ast.ClassDef)
    return one_line(text.splitlines()[0] if compound else text)
