"""A whole catalog as it is compared and stored: checked, in one spelling, packed as bytes."""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, structs

from engine.facts import Facts, Grants, Requirements
from engine.ruleset import Ruleset
from persistence.errors import CatalogError
from persistence.items.catalog import CatalogReader, Template
from persistence.items.catalog_source import ENTRY_BYTES_MAX, Entry
from persistence.mapping.mapping import CatalogMapping

_encode = msgspec.json.Encoder(order="sorted").encode
# Of a digest: the first half is the facts', the second the data's.
HALF = 16
# Some forty templates, a millisecond.
_PIECE_BYTES = 16 * 1024
_DEFAULTS: Final[dict[type[Struct], dict[str, Any]]] = {
    kind: {one.name: one.default for one in structs.fields(kind) if one.default is not msgspec.NODEFAULT}
    for kind in (Facts, Requirements, Grants)
}

T = TypeVar("T", bound=Struct)


class Packed(NamedTuple):
    """A template as JSON, its keys in order; ``digest`` is 16 bytes over the facts and 16 over the data."""

    facts: bytes
    data: bytes
    digest: bytes


class CatalogContent:
    """What a catalog says: ``templates`` by id, and ``hash`` over all of them, 64 hex digits.

    The hash is that of what is said, whatever the order of lines and keys. ``ruleset`` is the hash of
    the one that knows all of the words.
    """

    def __init__(self, ruleset: str, templates: dict[str, Packed]) -> None:
        """``templates`` must have been checked; see ``packed`` and ``LinesReader``."""
        self.ruleset = ruleset
        self.templates = dict(sorted(templates.items()))
        self.hash = _hash(self.templates.values())


def content_hash(templates: Iterable[Template]) -> str:
    """The hash that a catalog of these templates has."""
    return _hash(pack(one) for one in sorted(templates, key=lambda one: one.facts.template_id))


def packed(templates: Iterable[Template], ruleset: Ruleset) -> CatalogContent:
    """Check what ``ruleset`` and a catalog ask of templates, and pack them; raises ``CatalogError``."""
    errors: list[str] = []
    found: dict[str, Packed] = {}
    for template in templates:
        template_id = template.facts.template_id
        errors += [f"{template_id}: facts.{error}" for error in ruleset.facts_errors(template.facts)]
        if template_id in found:
            errors.append(f"{template_id}: facts.template_id: stands twice")
        found[template_id] = pack(template)
    if errors:
        raise CatalogError(errors)
    return CatalogContent(ruleset.hash, found)


def read_content(
    entries: Iterable[Entry], ruleset: Ruleset, mapping: CatalogMapping | None = None
) -> CatalogContent:
    """Read a whole catalog as ``parse_entries`` does, without ever having all of it decoded."""
    reader = CatalogReader(ruleset, mapping)
    found: dict[str, Packed] = {}
    for entry in entries:
        if reader.given_up:
            break
        if (template := reader.read(entry)) is not None:
            found[template.facts.template_id] = pack(template)
    reader.check()
    return CatalogContent(ruleset.hash, found)


class LinesReader:
    """A catalog of JSON Lines that comes in blocks, cut anywhere."""

    def __init__(self, ruleset: Ruleset) -> None:
        """Words are ``ruleset``'s."""
        self._reader = CatalogReader(ruleset)
        self._found: dict[str, Packed] = {}
        self._rest = b""
        self._lines = 0

    async def read(self, block: bytes) -> bool:
        """Read on; False when so much is wrong that the rest need not come.

        By small pieces, between which calls that are being played have their turns. A thread would keep
        them waiting longer: it lets go of the interpreter only every few milliseconds.
        """
        for begin in range(0, len(block), _PIECE_BYTES):
            if not self.feed(block[begin : begin + _PIECE_BYTES]):
                return False
            await asyncio.sleep(0)
        return True

    def feed(self, block: bytes) -> bool:
        """As ``read``, at once."""
        lines = block.split(b"\n")
        lines[0] = self._rest + lines[0]
        # Of a line without an end, no more is kept than tells that it is too long.
        self._rest = lines.pop()[: ENTRY_BYTES_MAX + 1]
        for line in lines:
            self._line(line)
        return not self._reader.given_up

    def end(self) -> CatalogContent:
        """All of it; raises ``CatalogError`` with the first twenty problems, or for want of a template."""
        self._line(self._rest)
        self._reader.check()
        if not self._found:
            # An empty file takes an empty catalog's place too easily by mistake.
            raise CatalogError(["line 1: $: there is no template in it"])
        return CatalogContent(self._reader.ruleset.hash, self._found)

    def _line(self, line: bytes) -> None:
        self._lines += 1
        if self._reader.given_up:
            return
        if (template := self._reader.read(Entry(f"line {self._lines}", line))) is not None:
            self._found[template.facts.template_id] = pack(template)


def pack(template: Template) -> Packed:
    """A template in its one spelling, whichever defaults its source has spelled out."""
    facts, data = _encode(_without_defaults(template.facts)), _encode(template.data)
    return Packed(facts, data, _digest(facts) + _digest(data))


def _without_defaults(facts: Facts) -> Facts:
    """The same facts with every default as the very object that it is declared as.

    Encoding leaves out just those: defaults that were decoded are equal to them, and not always the same.
    """
    return _defaults_shared(
        facts, requires=_defaults_shared(facts.requires), grants=_defaults_shared(facts.grants)
    )


def _defaults_shared(struct: T, **parts: Struct) -> T:
    others: dict[str, Any] = {name: part for name, part in parts.items() if part is not getattr(struct, name)}
    for name, default in _DEFAULTS[type(struct)].items():
        value = others.get(name) or getattr(struct, name)
        if value is not default and value == default:
            others[name] = default
    return structs.replace(struct, **others) if others else struct


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()[:HALF]


def _spelled(facts: bytes, data: bytes) -> bytes:
    return b'{"data":%s,"facts":%s}' % (data, facts)


def _hash(ordered: Iterable[Packed]) -> str:
    # What encoding the whole list would give, without having it in one piece.
    content, separator = hashlib.sha256(b"["), b""
    for one in ordered:
        content.update(separator + _spelled(one.facts, one.data))
        separator = b","
    content.update(b"]")
    return content.hexdigest()
