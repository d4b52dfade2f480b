"""What a schema says with the words of one ruleset: classes, attributes, states, kinds, tags, bounds.

A class that the ruleset does not know makes a request invalid, so the schema lists those it knows.
Containers, slots and templates are not listed: naming one that is not there is a refusal like any
other, and no malformed request.
"""

from typing import Any, Final

from engine.ruleset import Ruleset

Schema = dict[str, Any]

MARK: Final = "x-words"


def vocabulary(ruleset: Ruleset) -> dict[str, Schema]:
    """What stands in a schema in place of ``x-words``."""
    actor, items, limits = ruleset.source.actor, ruleset.source.items, ruleset.source.limits
    return {
        "classes": {"enum": ["", *actor.classes]},
        "attributes": {"enum": list(actor.attributes)},
        "states": {"enum": list(actor.states)},
        "kinds": {"enum": list(items.kinds)},
        "tags": {"enum": list(items.tags)},
        "name_length": {"maxLength": limits.name_length},
        "commands": {"maxItems": limits.commands_per_batch},
    }


def mark_words(components: dict[str, Schema]) -> None:
    """Mark those fields of the engine's commands whose words are the ruleset's."""
    for name in ("NewActor", "SetActorRequest"):
        fields = components[name]["properties"]
        fields["class"] = _marked_class(fields["class"])
        fields["attributes"]["propertyNames"] = {MARK: "attributes"}
    components["NewActor"]["properties"]["states"]["items"] = _word("states")
    for field in components["StateChange"]["properties"].values():
        field["items"] = _word("states")
    for name in ("ExecuteRequest", "AddressedRequest", "StreamRequest"):
        components[name]["properties"]["commands"][MARK] = "commands"


def with_words(schema: Schema, words: dict[str, Schema]) -> Schema:
    """The schema with the ruleset's words where it is marked."""
    mark = schema.pop(MARK, None)
    return schema if mark is None else {**schema, **words[mark]}


def _word(mark: str) -> Schema:
    return {"type": "string", MARK: mark}


def _marked_class(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key in ("default", "description")}
    if "anyOf" in schema:
        return {**kept, "anyOf": [_word("classes"), {"type": "null"}]}
    return {**kept, **_word("classes")}
