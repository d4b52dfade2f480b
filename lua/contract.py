"""The header that every Lua file begins with, read.

Of all files: the first line tells name and purpose, ``requires`` the files it builds on. Of
functions also ``flags``, ``KEYS``, ``ARGV``, ``returns`` and ``journal``. Callers take the
order of keys from here, and a test holds each header against its function's body.
"""

import re

from msgspec import Struct


class ContractError(ValueError):
    """A Lua file whose header is missing or says something that cannot be."""


class Contract(Struct, frozen=True):
    """What a header says. ``requires``, ``flags``, ``keys`` and ``args`` are in its order.

    ``keys_of_each``: keys that come in turn after ``keys``, for each of many sessions.
    """

    name: str
    purpose: str
    requires: tuple[str, ...]
    flags: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    keys_of_each: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    returns: str = ""
    journal: str = ""

    @property
    def is_function(self) -> bool:
        """Whether callers may call it; the other files are parts of functions."""
        return bool(self.returns)


def read_contract(stem: str, text: str) -> Contract:
    """The contract of one Lua file; raises ``ContractError``."""
    title = re.match(r"-- (\w+): (.+)\n", text)
    if title is None or title[1] != stem:
        raise ContractError(f"{stem}.lua: the first line must be '-- {stem}: purpose'")
    requires = _field(text, "requires")
    if requires is None:
        raise ContractError(f"{stem}.lua: the header has no 'requires'")
    args = _names((_field(text, "ARGV") or "").split(", then ")[0])
    keys, _, of_each = (_field(text, "KEYS") or "").partition(", then ")
    return Contract(
        name=stem,
        purpose=title[2],
        requires=_names(requires),
        flags=_names(_field(text, "flags") or ""),
        keys=_names(keys),
        keys_of_each=_names(of_each.removesuffix(" of each").replace(" and ", ",")),
        args=args,
        returns=_field(text, "returns") or "",
        journal=_field(text, "journal") or "",
    )


def _field(text: str, name: str) -> str | None:
    # A field goes on in lines that are indented by more than one space.
    found = re.search(rf"^-- {name}:(.*(?:\n--  +\S.*)*)$", text, re.MULTILINE)
    return None if found is None else " ".join(re.split(r"\n--| +", found[1])).strip()


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())
