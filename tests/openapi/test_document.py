"""The document is OpenAPI 3.1, says all that the API does, and nothing else."""

import re
from typing import Any

import pytest
from aiohttp.typedefs import Handler
from openapi_spec_validator import OpenAPIV31SpecValidator

from engine.refusals import RefusalCode
from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.app import init_app
from gateway.configuration.settings import Settings
from gateway.http.operation import Operation
from gateway.http.problem_codes import PROBLEM_KINDS
from gateway.openapi.document import openapi_document
from gateway.openapi.examples import EXAMPLES
from gateway.operations.table import OPERATIONS, container_pages
from gateway.routes import Routes
from tests.docs.test_docs import _Anything, page, section
from tests.openapi.schemas import Schemas

RULESETS = ("haversack", "tabletop", "minecraft-like")


@pytest.mark.parametrize("name", RULESETS)
def test_it_is_valid(name: str) -> None:
    document = openapi_document(read_ruleset(name))
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.parametrize("name", RULESETS)
def test_every_route_is_in_it_and_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[str, str, str]] = []
    add = Routes.add

    def noting(routes: Routes, operation: Operation, handler: Handler) -> None:
        served.append((operation.path, operation.method.lower(), operation.name))
        add(routes, operation, handler)

    monkeypatch.setattr(Routes, "add", noting)
    ruleset = read_ruleset(name)
    stand_in: Any = _Anything(ruleset)
    init_app(Settings(token="t"), stand_in)
    told = [
        (path, method, one["operationId"])
        for path, method, one in Schemas(openapi_document(ruleset)).operations()
    ]
    assert sorted(told) == sorted(served)
    assert len({operation_id for _, _, operation_id in told}) == len(told)


def test_every_problem_is_in_it(schemas: Schemas) -> None:
    """Those of the table, each with an example; and every one that is sent, at an operation."""
    assert set(schemas.document["components"]["examples"]) == set(PROBLEM_KINDS)
    never_sent = page("docs/http-api.md").partition("are never sent yet")[2].partition("\n## ")[0]
    unsent = set(re.findall(r"`([A-Z_]+)`", never_sent))
    everywhere = {"NOT_FOUND", "METHOD_NOT_ALLOWED"}
    told: set[str] = set()
    for _, _, operation in schemas.operations():
        for status in operation["responses"]:
            said = schemas.response(operation, int(status))
            problems = said.get("content", {}).get("application/problem+json")
            if problems is None:
                continue
            (codes,) = (part["properties"]["code"]["enum"] for part in problems["schema"]["allOf"][1:])
            assert {PROBLEM_KINDS[code].status for code in codes} == {int(status)}
            assert set(problems["examples"]) == set(codes)
            told |= set(codes)
    assert told | everywhere | unsent == set(PROBLEM_KINDS)


def test_examples_are_what_their_schemas_say(schemas: Schemas) -> None:
    shown = set()
    for _, _, operation in schemas.operations():
        name = operation["operationId"]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert schemas.errors(media["schema"], media["example"]) == [], name
            shown.add(name)
        for status in operation["responses"]:
            for media in schemas.response(operation, int(status)).get("content", {}).values():
                if "example" in media:
                    assert schemas.errors(media["schema"], media["example"], closed=True) == [], name
                    shown.add(name)
                for ref in media.get("examples", {}).values():
                    example = schemas.resolved(ref)["value"]
                    assert schemas.errors(media["schema"], example, closed=True) == [], name
    assert set(EXAMPLES) <= shown


def test_every_operation_has_an_example(ruleset: Ruleset, schemas: Schemas) -> None:
    for name, operation in OPERATIONS.items():
        told = schemas.named(name)
        if operation.body is not None:
            assert all("example" in media for media in told["requestBody"]["content"].values()), name
        for status in (operation.status, *operation.also):
            content = schemas.response(told, status).get("content", {})
            if "application/json" in content and name != "read_openapi":
                assert "example" in content["application/json"], name
    assert container_pages(ruleset)


def test_scopes_are_told(schemas: Schemas) -> None:
    for _, _, told in schemas.operations():
        operation = OPERATIONS.get(told["operationId"])
        scope = "read" if operation is None else operation.scope
        assert told["security"] == [] if scope is None else told["security"][0] == {"serviceToken": [scope]}
        players = [need for need in told["security"] if "characterToken" in need]
        assert bool(players) == (scope in ("read", "play") and "characterToken" in str(told["security"]))
        assert not players or all(need == {"characterToken": [scope]} for need in players)


def test_refusals_of_commands_are_those_of_the_rules() -> None:
    """Each command tells all the codes that its row in docs/rules.md has."""
    rows = re.findall(
        r"^\| (`\w+`(?:, `\w+`)?) \| (.*) \|$", section(page("docs/rules.md"), "Refusals"), re.M
    )
    seen = set()
    for names, text in rows:
        for name in re.findall(r"`(\w+)`", names):
            if name not in OPERATIONS:
                continue
            seen.add(name)
            codes = {code for code in re.findall(r"`([A-Z_]+)`", text) if code in RefusalCode.__members__}
            assert codes <= set(OPERATIONS[name].codes), name
            assert {"TOO_HEAVY", "CAPACITY_IN_USE"} <= set(OPERATIONS[name].codes), name
    assert seen == {
        "equip", "unequip", "move", "grant", "consume", "use", "drop", "lock", "unlock", "sort",
    }  # fmt: skip
    assert set(RefusalCode.__members__) <= set(OPERATIONS["execute"].codes)


def test_words_are_the_rulesets(ruleset: Ruleset, document: dict[str, Any]) -> None:
    """A word that the ruleset does not know is malformed, so the schema must not take it."""
    components = document["components"]["schemas"]
    actor = ruleset.source.actor
    assert components["NewActor"]["properties"]["class"]["enum"] == ["", *actor.classes]
    assert components["StateChange"]["properties"]["add"]["items"]["enum"] == list(actor.states)
    assert "x-words" not in str(document)
    assert r"(?![\s\S])" not in str(document)


def test_commands_stand_alone_and_in_batches(schemas: Schemas) -> None:
    """Alone, the path says what it is; in a batch `op` does, and items of earlier commands have names."""
    item_id = "5f0c6a1e9b7d8e21a3c4d5e6f7a8b9c0"
    alone = {"$ref": "#/components/schemas/LockRequest"}
    batched = {"$ref": "#/components/schemas/ExecuteRequest"}
    assert schemas.errors(alone, {"item_id": item_id}) == []
    assert schemas.errors(alone, {"item_id": "@0"}) != []
    assert schemas.errors(batched, {"commands": [{"op": "lock", "item_id": "@0"}]}) == []
    assert schemas.errors(batched, {"commands": [{"item_id": item_id}]}) != []
