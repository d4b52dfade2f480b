"""A catalog that comes in blocks is the one that its lines say, wherever the blocks are cut."""

import hashlib
import random

import msgspec
import pytest

from engine.ruleset import Ruleset
from gateway.handlers.items import every_fact
from persistence.demo.content import demo_catalog
from persistence.errors import CatalogError
from persistence.items import catalog
from persistence.items.catalog import parse_catalog
from persistence.items.catalog_content import LinesReader, content_hash, packed, read_content
from persistence.items.catalog_source import ENTRY_BYTES_MAX, Entry
from tests.catalog.given import line, lines


def read(ruleset: Ruleset, text: bytes, cuts: list[int]) -> LinesReader:
    reader = LinesReader(ruleset)
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        reader.feed(text[begin:end])
    return reader


def test_blocks_may_be_cut_anywhere(ruleset: Ruleset) -> None:
    text = b"\n".join([*lines(20), b"", b"  \r", line("ä".encode().hex())])
    whole = parse_catalog(text.split(b"\n"), ruleset)
    expected = packed(whole, ruleset)
    dice = random.Random(5)
    for cut in range(40):
        cuts = sorted(dice.randrange(len(text)) for _ in range(cut))
        found = read(ruleset, text, cuts).end()
        assert found.hash == expected.hash == content_hash(whole)
        assert found.templates == expected.templates and len(found.templates) == 21
    entries = (Entry(f"line {number}", raw) for number, raw in enumerate(text.split(b"\n"), 1))
    assert read_content(entries, ruleset).hash == expected.hash


def test_the_hash_is_that_of_the_whole_list(ruleset: Ruleset) -> None:
    templates = parse_catalog(lines(3), ruleset)
    encoded = msgspec.json.Encoder(order="sorted").encode(templates)
    assert content_hash(reversed(templates)) == hashlib.sha256(encoded).hexdigest()
    assert content_hash([]) == hashlib.sha256(b"[]").hexdigest()


def test_defaults_may_be_spelled_out(ruleset: Ruleset) -> None:
    """As ``GET /v1/items`` does: what is read back from there is the same catalog, template by template."""
    templates = parse_catalog([*demo_catalog(), *lines(2), line("a", requires={"level": 2})], ruleset)
    spelled_out = [
        msgspec.json.encode({"facts": every_fact(one.facts), "data": one.data}) for one in templates
    ]
    again = read(ruleset, b"\n".join(spelled_out), []).end()
    assert again.templates == packed(templates, ruleset).templates
    assert again.hash == content_hash(templates)


def test_a_digest_tells_facts_from_data(ruleset: Ruleset) -> None:
    def digest(text: bytes) -> bytes:
        return read(ruleset, text, []).end().templates["a"].digest

    one, data, facts = digest(line("a")), digest(line("a", data={"x": 1})), digest(line("a", weight=1))
    assert one[:16] == data[:16] != facts[:16] and one[16:] == facts[16:] != data[16:]
    assert digest(line("a", data={"x": True})) != data, "1 and true are two things"


def test_problems_are_told_by_line(ruleset: Ruleset) -> None:
    text = line("a") + b"\n" + line("b", kind="x") + line("a") + b"{"
    with pytest.raises(CatalogError) as refused:
        read(ruleset, text, [7, 90]).end()
    assert [error.partition(": ")[0] for error in refused.value.errors] == ["line 3", "line 4", "line 5"]


def test_a_line_without_an_end_is_not_held(ruleset: Ruleset) -> None:
    reader = LinesReader(ruleset)
    for _ in range(100):
        assert reader.feed(b"x" * ENTRY_BYTES_MAX)
        assert len(reader._rest) <= ENTRY_BYTES_MAX + 1
    with pytest.raises(CatalogError, match=f"^line 1: \\$: longer than {ENTRY_BYTES_MAX} bytes$"):
        reader.end()


def test_after_twenty_problems_the_rest_need_not_come(ruleset: Ruleset) -> None:
    reader = LinesReader(ruleset)
    assert reader.feed(b"nonsense\n" * 19)
    assert not reader.feed(b"nonsense\n" * 500)
    with pytest.raises(CatalogError) as refused:
        reader.end()
    assert len(refused.value.errors) == 20


@pytest.mark.parametrize("text", [b"", b"\n \n"])
def test_an_empty_catalog_is_a_mistake(ruleset: Ruleset, text: bytes) -> None:
    with pytest.raises(CatalogError, match="there is no template in it"):
        read(ruleset, text, []).end()


def test_so_many_templates_and_no_more(ruleset: Ruleset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "TEMPLATES_MAX", 3)
    assert len(read(ruleset, b"".join(lines(3)), []).end().templates) == 3
    with pytest.raises(CatalogError, match=r"^line 4: facts.template_id: more than 3 templates$"):
        read(ruleset, b"".join(lines(5)), []).end()
