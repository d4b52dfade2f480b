"""docs/security.md: a row for each of the ten risks, and every test that it names is there."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from engine.ruleset import Ruleset
from gateway.openapi.document import openapi_document
from tests.docs.test_docs import ROOT, page, section

TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ADDRESS = re.compile(r"ur[il]$|^host|^link|callback|webhook|endpoint|proxy", re.IGNORECASE)


def rows() -> list[list[str]]:
    text = section(page("docs/security.md"), "OWASP API Security Top Ten, 2023")
    lines = re.findall(r"^\| (API.*) \|$", text, re.MULTILINE)
    return [line.split(" | ") for line in lines]


def test_there_is_a_row_for_each_risk() -> None:
    assert [risk.split()[0] for risk, *_ in rows()] == [f"API{number}" for number in range(1, 11)]
    for risk, done, tests in rows():
        assert done and TEST.search(tests) and not TEST.sub("", tests).strip(", "), risk


def test_every_test_that_is_named_is_there() -> None:
    named = set(TEST.findall(page("docs/security.md")))
    assert len(named) >= 20
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        defined = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in defined, f"{path}::{name}"


def test_no_call_takes_an_address(ruleset: Ruleset) -> None:
    """Nothing that a request can say is called up by the service."""
    document = openapi_document(ruleset)
    names = {
        parameter["name"]
        for item in document["paths"].values()
        for operation in item.values()
        for parameter in operation["parameters"]
        if "name" in parameter
    }
    names |= {parameter["name"] for parameter in document["components"]["parameters"].values()}
    bodies = [
        operation["requestBody"]
        for item in document["paths"].values()
        for operation in item.values()
        if "requestBody" in operation
    ]
    asked = list(_schemas(bodies, document, set()))
    names |= {name for schema in asked for name in schema.get("properties", {})}
    assert {"char_id", "commands", "item_id", "facts", "limit", "If-Match"} <= names
    assert not [name for name in names if ADDRESS.search(name)]
    assert not [schema for schema in asked if str(schema.get("format", "")).startswith(("uri", "hostname"))]


def _schemas(node: Any, document: dict[str, Any], seen: set[str]) -> Iterator[dict[str, Any]]:
    """All objects in this, and in what it refers to."""
    if isinstance(node, list):
        for one in node:
            yield from _schemas(one, document, seen)
    elif isinstance(node, dict):
        yield node
        for key, value in node.items():
            if key == "$ref" and value not in seen:
                seen.add(value)
                found: Any = document
                for part in value.removeprefix("#/").split("/"):
                    found = found[part]
                yield from _schemas(found, document, seen)
            elif key not in ("example", "examples"):
                yield from _schemas(value, document, seen)
