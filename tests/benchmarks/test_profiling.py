"""The profiler's tables are only as good as its reading of stacks and its list of layers."""

import re
import signal
import time
from pathlib import Path

import pytest

from benchmarks import ROOT
from benchmarks.profiling import flame, layers
from benchmarks.profiling.sampler import Sampler, Spot, Stack


def burn(seconds: float) -> int:
    ends, total = time.process_time() + seconds, 0
    while time.process_time() < ends:
        total += sum(range(2_000))
    return total


def test_a_sample_names_the_function_its_line_and_what_it_called() -> None:
    kept = {number: signal.getsignal(number) for number in (signal.SIGPROF, signal.SIGUSR1)}
    try:
        sampler = Sampler()
        signal.raise_signal(signal.SIGUSR1)
        burn(0.3)
        signal.raise_signal(signal.SIGUSR1)
        samples = sampler.samples()
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert samples.cpu_s >= 0.3
    burning = [stack for stack in samples.stacks if stack.spots[-1].function == "burn"]
    assert sum(stack.count for stack in burning) >= 10
    longest = max(burning, key=lambda stack: stack.count)
    assert longest.call in ("sum(range(2_000))", "range(2_000)")
    assert longest.line == burn.__code__.co_firstlineno + 3


@pytest.mark.parametrize(
    ("file", "call", "layer"),
    [
        (f"{ROOT}/gateway/http/requests.py", "decoder.decode(body)", "msgspec"),
        (f"{ROOT}/gateway/http/requests.py", "value.decode()", "gateway"),
        (f"{ROOT}/persistence/link/redis_link.py", "", "commander"),
        (f"{ROOT}/persistence/protocol/flusher.py", "", "flusher"),
        (f"{ROOT}/persistence/postgres/store.py", "", "persistence"),
        (
            "/x/lib/python3.11/site-packages/aiohttp/web.py",
            "transport.write(a)",
            "uvloop: writing to sockets",
        ),
        ("/x/lib/python3.11/site-packages/aiohttp/web.py", "", "aiohttp"),
        ("/x/lib/python3.11/asyncio/tasks.py", "", "asyncio"),
        ("/x/lib/python3.11/json/decoder.py", "", "Python's own"),
    ],
)
def test_a_sample_belongs_to_a_layer(file: str, call: str, layer: str) -> None:
    assert layers.layer_of(Stack((Spot("f", file, 1),), 1, call, 1)) == layer


def test_the_layers_are_of_files_that_there_are() -> None:
    """A layer whose files were renamed would quietly become another one's."""
    files = [
        str(path.relative_to(ROOT))
        for room in ("gateway", "persistence", "engine")
        for path in (ROOT / room).rglob("*.py")
    ]
    for pattern, name in layers.FILES:
        if pattern.startswith(("gateway/", "persistence/", "(engine")):
            assert any(re.match(pattern, file) for file in files), name


def test_a_flame_graph_is_drawn(tmp_path: Path) -> None:
    outer, inner = Spot("outer", "a.py", 1), Spot("<lambda>", "a.py", 2)
    stacks = [Stack((outer,), 1, "", 3), Stack((outer, inner), 2, "f(1)", 1), Stack((), 0, "", 4)]
    picture = flame.draw(stacks, "a & b")
    assert "outer: 50.0 %" in picture
    assert "&lt;lambda&gt;: 12.5 %" in picture
