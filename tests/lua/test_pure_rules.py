"""Pure Lua files outside any server: the same text runs under lupa."""

from collections.abc import Callable
from typing import Any

import lupa.lua51
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.rules import bitmap
from engine.ruleset import Ruleset
from lua.library import rules_chunk


@pytest.fixture(scope="module")
def lua_bitmap(ruleset: Ruleset) -> Any:
    return lupa.lua51.LuaRuntime().execute(rules_chunk(ruleset, "bitmap"))


@pytest.fixture(scope="module")
def lua_codec(ruleset: Ruleset) -> Any:
    return lupa.lua51.LuaRuntime().execute(rules_chunk(ruleset, "codec"))


slots = st.sets(st.integers(0, 200), max_size=40)


@given(slots=slots, slot=st.integers(0, 210))
def test_bitmaps_agree(lua_bitmap: Any, slots: set[int], slot: int) -> None:
    text = bitmap.of(slots)
    assert bitmap.members(text) == sorted(slots)
    assert bitmap.insert(text, slot) == bitmap.of(slots | {slot}) == lua_bitmap.insert(text, slot)
    assert bitmap.delete(text, slot) == bitmap.of(slots - {slot}) == lua_bitmap.delete(text, slot)
    assert bitmap.first_absent(text) == lua_bitmap.first_absent(text)
    assert bitmap.first_absent(text) == min(set(range(211)) - slots)
    assert bitmap.highest(text) == lua_bitmap.highest(text) == max(slots, default=-1)
    assert list(lua_bitmap.members(text).values()) == sorted(slots)


@given(slots=slots, slot=st.integers(0, 210), other=st.integers(0, 1200))
def test_a_slot_gives_way_to_another(lua_bitmap: Any, slots: set[int], slot: int, other: int) -> None:
    assume(slot != other)
    rest = slots - {slot, other}
    text = lua_bitmap.replace(f'"{bitmap.of(rest | {slot})}"', slot, other)
    assert text == f'"{bitmap.of(rest | {other})}"'


@pytest.mark.parametrize(
    "record",
    [
        '["iron_sword",1,"bag",3,false,false,false]',
        '["gold",1000000000000,"wallet","gold",true,true,true]',
        '["7",1,"wallet","7",false,true,false]',
        '["a/b:c.d-e",999999,"equipment","main_hand",false,false,false]',
    ],
)
def test_records_survive_the_mirror(lua_codec: Any, record: str) -> None:
    item = lua_codec.item("f" * 32, record)
    assert lua_codec.item_text(item) == record


def test_facts_are_kept_by_their_text(ruleset: Ruleset) -> None:
    decoded: list[str] = []

    def decode(text: str) -> object:
        decoded.append(text)
        return text.upper()

    runtime = lupa.lua51.LuaRuntime()
    install: Callable[[object], None] = runtime.eval("function(decode) cjson = {decode = decode} end")
    install(decode)
    codec = runtime.execute(rules_chunk(ruleset, "codec"))
    assert [codec.facts["x"], codec.facts["x"], codec.facts["y"]] == ["X", "X", "Y"]
    assert decoded == ["x", "y"]
