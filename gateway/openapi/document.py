"""The OpenAPI document: every operation of the API, for one ruleset."""

from importlib.metadata import version
from typing import Any, Final

import msgspec

from engine.ruleset import Ruleset
from gateway.http.addressed import StreamRequest
from gateway.http.operation import Operation
from gateway.http.problems import ProblemDocument
from gateway.http.reply_shapes import CommandReply, Plan
from gateway.openapi.components import components
from gateway.openapi.examples import example_of
from gateway.openapi.parameters import header_components as header_parameters
from gateway.openapi.parameters import parameters, types_of_parameters
from gateway.openapi.problem_examples import problem_examples
from gateway.openapi.responses import Responses, header_components
from gateway.openapi.security import requirements, security_schemes
from gateway.openapi.stream import STREAM_ANSWER, events_extension, stream_extension
from gateway.openapi.texts import INFO, TAGS, tag_of
from gateway.operations.table import OPERATIONS, container_pages
from persistence.events.position import ChangeEvent, ResetEvent

OPENAPI: Final = "3.1.0"
NDJSON: Final = "application/x-ndjson"
EVENTS: Final = "text/event-stream"
# What texts and other schemas speak of, beside what is somebody's body or reply.
_NAMED: Final = (ProblemDocument, CommandReply, Plan, ChangeEvent, ResetEvent)

Node = dict[str, Any]

_made: dict[str, bytes] = {}


def openapi_json(ruleset: Ruleset) -> bytes:
    """The document as JSON; made once for a ruleset."""
    if ruleset.hash not in _made:
        _made[ruleset.hash] = msgspec.json.encode(openapi_document(ruleset))
    return _made[ruleset.hash]


def openapi_document(ruleset: Ruleset) -> Node:
    """The document. Its schemas have the ruleset's words, and its paths the ruleset's containers."""
    operations = (*OPERATIONS.values(), *container_pages(ruleset).values())
    requests: dict[str, Any] = {**types_of_parameters(operations), "stream": StreamRequest}
    replies: dict[str, Any] = {kind.__name__: kind for kind in _NAMED}
    for operation in operations:
        if operation.body is not None:
            requests[f"{operation.name} body"] = operation.body
        for number, reply in enumerate(_replies(operation)):
            replies[f"{operation.name} reply {number}"] = reply
    schemas, named = components(requests, replies, ruleset)
    named["StreamAnswer"] = STREAM_ANSWER
    responses = Responses()
    paths: dict[str, Node] = {}
    for operation in operations:
        node = _operation(operation, schemas, responses)
        paths.setdefault(operation.path, {})[operation.method.lower()] = node
    return {
        "openapi": OPENAPI,
        "info": {**INFO, "version": version("haversack")},
        "servers": [{"url": "/"}],
        "tags": TAGS,
        "paths": paths,
        "components": {
            "schemas": dict(sorted(named.items())),
            "responses": dict(sorted(responses.shared.items())),
            "parameters": header_parameters(schemas),
            "headers": header_components(),
            "examples": problem_examples(),
            "securitySchemes": security_schemes(),
        },
    }


def _replies(operation: Operation) -> tuple[Any, ...]:
    """The types of which a reply is one."""
    if operation.reply is None:
        return ()
    return operation.reply if isinstance(operation.reply, tuple) else (operation.reply,)


def _operation(operation: Operation, schemas: dict[str, Node], responses: Responses) -> Node:
    example = example_of(operation)
    node: Node = {
        "operationId": operation.name,
        "tags": [tag_of(operation)],
        "summary": operation.summary,
    }
    if operation.description:
        node["description"] = operation.description
    node["security"] = requirements(operation)
    node["parameters"] = parameters(operation, schemas)
    if operation.body is not None:
        media: Node = {"schema": _by_lines(operation.body_media_types, schemas[f"{operation.name} body"])}
        if example.body is not None:
            media["example"] = example.body
        node["requestBody"] = {"required": True, "content": dict.fromkeys(operation.body_media_types, media)}
    options = [schemas[f"{operation.name} reply {number}"] for number in range(len(_replies(operation)))]
    schema = None if not options else options[0] if len(options) == 1 else {"anyOf": options}
    if operation.reply_media_type == EVENTS:
        # Readers differ in whether the schema is that of all events together or of each.
        schema = {"description": "Server-sent events: `id`, `event` and `data`"}
        node |= events_extension()
    if operation.status == 101:
        node |= stream_extension()
    node["responses"] = responses.of(operation, schema, example.reply)
    return node


def _by_lines(media_types: tuple[str, ...], schema: Node) -> Node:
    """Of a body in lines, a text: this version of OpenAPI has no words for what each line is."""
    if NDJSON not in media_types:
        return schema
    return {"type": "string", "description": "JSON Lines: a value on each", "x-line": schema}
