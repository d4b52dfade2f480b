"""Rules in Python and in Lua have the same files with the same functions in the same order."""

import ast
import re
from importlib.resources import files

import pytest

from lua.library import shipped_sources

STEMS = sorted(
    entry.name.removesuffix(".py")
    for entry in files("engine").joinpath("rules").iterdir()
    if entry.name.endswith(".py")
    and not entry.name.startswith("_")
    # Ordering a whole container is no hot command: it runs in Python alone, and is committed.
    and entry.name != "sort.py"
)
# What stands elsewhere on the other side: in ``Ruleset``, in a constructor, or because only one
# side has running totals and texts to keep.
LUA_ONLY = {
    "bitmap": {"replace"},
    "draft": {"new", "read", "actor", "slots_of", "limit_of", "store"},
    "placement": {"filter_accepts", "allowed_slots"},
}
PYTHON_ONLY = {"bitmap": {"of"}, "draft": {"facts_of", "fork"}}


def python_names(stem: str) -> list[str]:
    tree = ast.parse(files("engine").joinpath(f"rules/{stem}.py").read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = [node.name for node in sorted(functions, key=lambda node: node.lineno)]
    return [name for name in names if not name.startswith("_") and name not in PYTHON_ONLY.get(stem, ())]


def lua_names(stem: str) -> list[str]:
    sources = shipped_sources()
    text = sources[stem] + sources.get(f"{stem}_changes", "")
    exported = re.findall(rf"^function {stem}\.(\w+)\(", text, re.MULTILINE)
    names = exported or re.findall(r"^local function (\w+)\(", text, re.MULTILINE)
    return [name for name in names if name not in LUA_ONLY.get(stem, ())]


@pytest.mark.parametrize("stem", STEMS)
def test_same_functions_in_the_same_order(stem: str) -> None:
    expected = python_names(stem)
    if stem == "apply":
        # Lua needs a function to stand before its use.
        expected = expected[::-1]
    assert lua_names(stem) == expected


@pytest.mark.parametrize("stem", STEMS)
def test_same_refusals_in_the_same_order(stem: str) -> None:
    text = files("engine").joinpath(f"rules/{stem}.py").read_text("utf-8")
    assert re.findall(r"RefusalCode\.(\w+)", text) == re.findall(r"refuse\('(\w+)'", shipped_sources()[stem])
