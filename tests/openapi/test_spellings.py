"""What schemas say of ids, keys and tags is what handlers take."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.condition_values import id_of, tag_of
from gateway.http.problems import Problem
from gateway.http.requests import normal_char_id, printable
from tests.openapi.schemas import Schemas

HEX = "0123456789abcdefABCDEF"
TEXTS = {
    "CallerId": st.text(max_size=130)
    | st.text(st.characters(min_codepoint=30, max_codepoint=128), max_size=130),
    "Tag": st.from_regex(r'"?[0-9]{0,20}\.[0-9]{1,20}(\+[0-9]{0,20})?"?|\*{0,2}'),
    "CharId": st.text(HEX + "-", min_size=30, max_size=37) | st.from_regex(r"[0-9a-fA-F]{32}|[0-9a-f-]{36}"),
    "CharacterName": st.text(max_size=70),
}
READERS = {
    "CallerId": lambda text: id_of(text, ""),
    "Tag": lambda text: tag_of(text, ""),
    "CharId": lambda text: normal_char_id(text, ""),
    "CharacterName": lambda text: printable(text, "", 64),
}


def schema_of(schemas: Schemas, kind: str) -> dict[str, Any]:
    fields = schemas.document["components"]["schemas"]["AddressedRequest"]["properties"]
    character = schemas.document["components"]["schemas"]["CreateCharacterRequest"]["properties"]
    found: dict[str, Any] = {
        "CallerId": fields["idempotency_key"],
        "Tag": fields["if_match"],
        "CharId": fields["char_id"],
        "CharacterName": character["name"],
    }[kind]
    return found


@pytest.mark.parametrize("kind", TEXTS)
def test_schema_and_handler_agree(schemas: Schemas, kind: str) -> None:
    schema = schema_of(schemas, kind)

    @settings(max_examples=150, database=None)
    @given(text=TEXTS[kind].filter(lambda text: not text.endswith("\n")))
    def agree(text: str) -> None:
        try:
            READERS[kind](text)
            taken = True
        except Problem:
            taken = False
        assert (schemas.errors(schema, text) == []) == taken, text

    agree()
