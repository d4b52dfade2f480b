"""How ids, keys and words of requests are spelled, told to schemas.

What is under ``extra_json_schema`` is not looked at when a request is read: handlers do that, since
they name the header, parameter or field that is wrong. Tests hold that both say the same. A schema
with ``x-words`` gets the words of the ruleset that is served (``gateway/openapi/words.py``).
"""

from typing import Annotated, Any, Final

from msgspec import Meta

from engine.bounds import ITEM_ID_PATTERN, TEMPLATE_ID_PATTERN
from gateway.http.page_sorts import SORT_DEFAULT, SORTS

ID_LENGTH_MAX: Final = 128
SEQ_MAX: Final = 10**15 - 1

_TAG: Final = r"[0-9]{1,19}\.[0-9]{1,19}(\+[0-9]{1,19})?"
_POSITION: Final = r"(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,14})(\+[0-9]{1,19})?"
_UUID: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _text(example: str | None = None, **keywords: Any) -> Meta:  # noqa: ANN401 - keywords of JSON Schema
    return Meta(extra_json_schema=keywords, examples=None if example is None else [example])


# Dashes and capitals are the caller's.
_CHAR_ID: Final = {
    "example": "0a1b2c3d-4e5f-4a6b-8c7d-000000000001",
    "pattern": rf"^([0-9a-fA-F]{{32}}|{_UUID})$",
}
CharId = Annotated[str, _text(**_CHAR_ID)]
# The nil UUID is before all others: whoever goes through all characters begins after it.
NewCharId = Annotated[str, _text(**_CHAR_ID, **{"not": {"pattern": "^[0-]+$"}})]
ItemId = Annotated[str, _text("5f0c6a1e9b7d8e21a3c4d5e6f7a8b9c0", pattern=ITEM_ID_PATTERN)]
TemplateId = Annotated[str, _text("iron_sword", pattern=TEMPLATE_ID_PATTERN)]

# An id of the caller's making. A header is trimmed, so nowhere may it begin or end with a space.
CallerId = Annotated[
    str, _text("quest 17", pattern=rf"^[\x21-\x7e]([\x20-\x7e]{{0,{ID_LENGTH_MAX - 2}}}[\x21-\x7e])?$")
]
Tag = Annotated[str, _text("0.3", anyOf=[{"pattern": rf'^({_TAG}|"{_TAG}")$'}, {"const": "*"}])]

CharacterName = Annotated[
    str,
    _text(
        "Wanderer",
        pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$",
        **{"x-words": "name_length"},
    ),
]

Limit = Annotated[int, Meta(ge=1, le=500, extra_json_schema={"default": 100})]
AfterSeq = Annotated[int, Meta(ge=0, le=SEQ_MAX, extra_json_schema={"default": 0})]
Kind = Annotated[str, _text(**{"x-words": "kinds"})]
Category = Annotated[str, _text(**{"x-words": "tags"})]
CatalogTag = Annotated[str, _text("3", pattern=r'^((0|[1-9][0-9]{0,17})|"(0|[1-9][0-9]{0,17})"|\*)$')]
EventId = Annotated[str, _text("0.3", pattern=rf'^({_POSITION}|"{_POSITION}")?$')]
Sort = Annotated[str, _text(enum=[sign + sort for sort in SORTS for sign in ("", "-")], default=SORT_DEFAULT)]
Expand = Annotated[str, _text(enum=["items"])]
PageCursor = Annotated[str, _text()]
VersionCursor = Annotated[str, _text("42", pattern=r"^[1-9][0-9]{0,17}$")]
