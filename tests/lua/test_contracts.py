"""Each header says what its body does: names of keys and arguments, flags, the statuses it answers."""

import re

import pytest

from lua.contract import Contract, ContractError, read_contract
from lua.library import shipped_sources

SOURCES = shipped_sources()
CONTRACTS = {stem: read_contract(stem, text) for stem, text in SOURCES.items()}
FUNCTIONS = [contract for contract in CONTRACTS.values() if contract.is_function]
WRITES = {"HSET", "HDEL", "DEL", "SET", "ZADD", "ZREM", "RPUSH", "LTRIM", "RENAME"}
each_function = pytest.mark.parametrize("contract", FUNCTIONS, ids=lambda contract: contract.name)


def body(stem: str) -> str:
    """The text without comments."""
    return re.sub(r"--.*", "", SOURCES[stem])


def unpacked(contract: Contract, source: str) -> tuple[str, ...]:
    found = re.search(rf"local ([\w, ]+) = unpack\({source}[,)]", body(contract.name))
    return tuple(name.strip() for name in found[1].split(",")) if found else ()


@each_function
def test_keys_are_unpacked_under_their_names(contract: Contract) -> None:
    assert unpacked(contract, "keys") == contract.keys


@each_function
def test_arguments_are_unpacked_under_their_names(contract: Contract) -> None:
    assert unpacked(contract, "args") == contract.args


@each_function
def test_statuses_are_announced(contract: Contract) -> None:
    text = body(contract.name) + (body("call") if "call" in contract.requires else "")
    answered = set(re.findall(r"return \{'([A-Z_]+)'", text))
    assert answered <= set(re.findall(r'"([A-Z_]+)"', contract.returns))


@each_function
def test_only_readers_are_flagged_no_writes(contract: Contract) -> None:
    calls = set(re.findall(r"redis\.call\('(\w+)'", body(contract.name)))
    writes = calls & WRITES or re.search(r"view\.write|call\.finish|adoption\.take", body(contract.name))
    assert ("no-writes" in contract.flags) == (not writes)


@each_function
def test_journal_is_told_by_all_that_touch_it(contract: Contract) -> None:
    assert ("journal" in contract.keys + contract.keys_of_each) == bool(contract.journal)


def test_what_frees_memory_runs_without_memory() -> None:
    for name in ("session_settle", "session_close", "session_adopt", "work_claim"):
        assert "allow-oom" in CONTRACTS[name].flags


@pytest.mark.parametrize("stem", SOURCES)
def test_modules_used_are_required(stem: str) -> None:
    text = body(stem)
    modules = [other for other in SOURCES if other != stem and not CONTRACTS[other].is_function]
    used = {other for other in modules if re.search(rf"(?<![\w.'])(?:{other}\.\w|{other}\()", text)}
    assert used <= set(CONTRACTS[stem].requires), stem


@pytest.mark.parametrize("stem", [stem for stem in SOURCES if not CONTRACTS[stem].is_function])
def test_rules_call_no_redis(stem: str) -> None:
    assert stem in ("adoption", "node", "view", "call") or "redis." not in body(stem)


@pytest.mark.parametrize("text", ["", "-- other: x\n-- requires:\n", "-- it: what for\n"])
def test_a_bad_header_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match=r"it\.lua"):
        read_contract("it", text)
