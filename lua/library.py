"""Assembles the mirror: small Lua files in the order of their needs, stamped with their content.

The library's and its functions' names end in a hash of code and ruleset, so that two versions
live side by side on one server while a deployment rolls on.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files

from engine.ruleset import Ruleset
from lua.contract import Contract, ContractError, read_contract
from lua.tables import constants

FOLDERS = ("rules", "functions")
# While a library is loaded nothing of Lua's own library is there, nor is ``redis.call``. So the files run
# at the first call, and may then keep at hand what they use.
_FIRST_CALL = """local built
local function function_of(name)
  local body
  return function(keys, args)
    if not body then
      built = built or build()
      body = built[name]
    end
    return body(keys, args)
  end
end
"""


class Library:
    """The mirror of one ruleset, ready to be loaded.

    Attributes: ``name``; ``code`` (for FUNCTION LOAD); ``contracts`` by function name.
    """

    def __init__(self, ruleset: Ruleset, sources: Mapping[str, str] | None = None) -> None:
        """Assemble for ``ruleset``; ``sources`` (stem → text) stands in for the shipped files."""
        texts = shipped_sources() if sources is None else sources
        parts = in_order({stem: read_contract(stem, text) for stem, text in texts.items()})
        self.contracts = {part.name: part for part in parts if part.is_function}
        body = constants(ruleset) + "".join(texts[part.name] for part in parts)
        self.stamp = hashlib.sha256(body.encode()).hexdigest()[:12]
        self.name = f"haversack_{self.stamp}"
        self._body = body

    def function(self, name: str) -> str:
        """The name by which the server knows a function."""
        return f"{name}_{self.stamp}"

    @cached_property
    def code(self) -> str:
        """The text for FUNCTION LOAD."""
        names = ", ".join(f"{name} = {name}" for name in self.contracts)
        registrations = "".join(self._registration(contract) for contract in self.contracts.values())
        return (
            f"#!lua name={self.name}\nlocal function build()\n{self._body}return {{{names}}}\nend\n"
            f"{_FIRST_CALL}{registrations}"
        )

    def _registration(self, contract: Contract) -> str:
        flags = ", ".join(f"'{flag}'" for flag in contract.flags)
        return (
            f"redis.register_function{{function_name = '{self.function(contract.name)}', "
            f"callback = function_of('{contract.name}'), flags = {{{flags}}}}}\n"
        )


def shipped_sources() -> dict[str, str]:
    """The Lua files of this package by stem."""
    return {
        entry.name.removesuffix(".lua"): entry.read_text("utf-8")
        for folder in FOLDERS
        for entry in sorted(files("lua").joinpath(folder).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".lua")
    }


def in_order(contracts: Mapping[str, Contract]) -> list[Contract]:
    """Each file after all that it requires; raises ``ContractError`` on a circle or a missing one."""
    ordered: dict[str, Contract] = {}
    under_way: list[str] = []

    def visit(name: str, wanted_by: str) -> None:
        if name in ordered:
            return
        if name not in contracts:
            raise ContractError(f"{wanted_by}.lua requires {name}, which does not exist")
        if name in under_way:
            raise ContractError("circle of requires: " + " -> ".join([*under_way, name]))
        under_way.append(name)
        for required in contracts[name].requires:
            visit(required, name)
        under_way.pop()
        ordered[name] = contracts[name]

    for name in contracts:
        visit(name, name)
    return list(ordered.values())


def rules_chunk(ruleset: Ruleset, exported: str) -> str:
    """The pure rules as a chunk that returns the table ``exported``: for trying them outside a server."""
    texts = shipped_sources()
    parts = in_order({stem: read_contract(stem, text) for stem, text in texts.items()})
    pure = {entry.name for entry in files("lua").joinpath("rules").iterdir()}
    body = "".join(texts[part.name] for part in parts if f"{part.name}.lua" in pure)
    return f"{constants(ruleset)}{body}return {exported}\n"
