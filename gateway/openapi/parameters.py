"""Parameters of operations: of the path, of the query, and headers."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from gateway.http.operation import Operation
from gateway.http.spellings import CallerId, CatalogTag, CharId, EventId, ItemId, Tag, TemplateId
from gateway.openapi.viewer import FILE_NAMES

_REF: Final = "#/components/parameters/"

FileName = Annotated[str, Meta(extra_json_schema={"enum": list(FILE_NAMES)})]

# Parts of paths: type, and what they are.
PATH_PARTS: Final[dict[str, tuple[Any, str]]] = {
    "char_id": (CharId, "A UUID, in any case, with or without dashes"),
    "item_id": (ItemId, "A UUID, in any case, with or without dashes"),
    "template_id": (TemplateId, "A slash in it is written as %2F, or as it is"),
    "file": (FileName, "One of those that `/docs` names"),
}

# Headers: component, name, type, and what they do.
HEADERS: Final[dict[str, tuple[str, Any, str]]] = {
    "RequestId": (
        "X-Request-Id",
        CallerId,
        "Comes back with the reply; a command's is kept in the journal",
    ),
    "IdempotencyKey": (
        "Idempotency-Key",
        CallerId,
        "The operation id: a repeat gets the first reply again, and nothing is done twice",
    ),
    "IfMatch": (
        "If-Match",
        Tag,
        "Only if the inventory is still at this tag; what follows `+` is left aside; `*` asks for nothing",
    ),
    "Durability": (
        "Inventory-Durability",
        Literal["memory", "durable"],
        "`memory`: reply when it is applied. `durable`: reply when PostgreSQL has it",
    ),
    "IfNoneMatch": ("If-None-Match", str, "304 if the reply would have one of these entity tags"),
    "CatalogIfMatch": (
        "If-Match",
        CatalogTag,
        "Only if the catalog is still the one of this entity tag; `*` asks for nothing",
    ),
    "LastEventId": (
        "Last-Event-ID",
        EventId,
        "The event after which to go on; without it, from the present on",
    ),
}


def types_of_parameters(operations: tuple[Operation, ...]) -> dict[str, Any]:
    """The types of all parameters, each under a key of its own."""
    wanted = {f"path:{name}": kind for name, (kind, _) in PATH_PARTS.items()}
    wanted |= {f"header:{component}": kind for component, (_, kind, _) in HEADERS.items()}
    for operation in operations:
        for parameter in operation.query:
            wanted[f"{operation.name}?{parameter.name}"] = parameter.type
    return wanted


def header_components(schemas: dict[str, Any]) -> dict[str, Any]:
    """``components.parameters``: the headers that calls may have."""
    return {
        component: {
            "name": name,
            "in": "header",
            "description": summary,
            "schema": schemas[f"header:{component}"],
        }
        for component, (name, _, summary) in HEADERS.items()
    }


def parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of one operation."""
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": summary,
            "schema": schemas[f"path:{name}"],
        }
        for name, (_, summary) in PATH_PARTS.items()
        if f"{{{name}}}" in operation.path
    ]
    found += [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.summary,
            "schema": schemas[f"{operation.name}?{parameter.name}"],
        }
        for parameter in operation.query
    ]
    components = ["RequestId", *operation.takes]
    if operation.conditions:
        components += ["IdempotencyKey", "IfMatch", "Durability"]
    if operation.tagged:
        components.append("IfNoneMatch")
    return found + [{"$ref": _REF + component} for component in components]
