"""The tour and the README's first calls, run as they stand there: what they show must be so.

A line of a block may end in ``# → 422 WRONG_SLOT``: the call that ends there is answered with
that status, and with that code in the reply. A block of JSON is the reply to the call before it:
the pieces between its "…" must stand in it, in that order, spaces and line breaks aside. A block
that is only ``make run`` starts the server, or stops it and starts it again.
"""

import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import need, postgres_bin_dir, redis_binary
from tests.serving import TOKEN, Serving

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPECTATION = re.compile(r"  # → (\d{3})(?: ([A-Z_]+))?$", re.MULTILINE)
MARK = "\x1e"
ANSWER_S = 30.0

WANTED = {"WRONG_SLOT", "LEVEL_TOO_LOW", "CONTAINER_FULL", "SLOT_OCCUPIED", "CAPACITY_IN_USE"}


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of each block."""
    return [(match[1], match[2]) for match in BLOCK.finditer(text)]


def tour() -> list[tuple[str, str]]:
    """The tour's blocks."""
    return blocks((ROOT / "docs" / "tour.md").read_text("utf-8"))


def first_calls() -> list[tuple[str, str]]:
    """The blocks between that heading of the README and the next one."""
    text = (ROOT / "README.md").read_text("utf-8").partition("\n## First calls\n")[2].partition("\n## ")[0]
    return blocks(text)


class Shell:
    """A bash that keeps its variables from one block to the next."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._output: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._output.put(line)
        self._output.put("")

    def run(self, script: str) -> list[str]:
        """Run the script; its output, cut at the marks in it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{script}\nprintf '%s\\n' '{MARK}{MARK}'\n")
        self._process.stdin.flush()
        output = ""
        deadline = time.monotonic() + ANSWER_S
        while not output.endswith(f"{MARK}{MARK}\n"):
            line = self._output.get(timeout=max(0.0, deadline - time.monotonic()))
            assert line, f"bash ended:\n{output}"
            output += line
        return output.removesuffix(f"{MARK}{MARK}\n").split(f"{MARK}\n")


@contextmanager
def shell() -> Iterator[Shell]:
    process = subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    try:
        yield Shell(process)
    finally:
        process.kill()
        process.wait()


def run_block(bash: Shell, block: str) -> str:
    """Run a block and hold each reply against what is written beside the call; answers with the last."""
    expected = EXPECTATION.findall(block)
    assert block.count("# →") == len(expected), f"an expectation that cannot be read:\n{block}"
    chunks = bash.run(EXPECTATION.sub(f"; printf '%s\\\\n' '{MARK}'", block))
    assert "→" not in chunks[-1], f"a call with nothing said about its reply:\n{chunks[-1]}"
    replies = chunks[:-1]
    for (status, code), reply in zip(expected, replies, strict=True):
        assert re.findall(r"^→ (\d+)$", reply, re.MULTILINE) == [status], f"{status} {code}: {reply}"
        assert ('"code":' in reply) == (int(status) >= 400), reply
        assert not code or f'"code":"{code}"' in reply, f"{code}: {reply}"
    assert expected or not chunks[-1].strip(), f"printed something:\n{chunks[-1]}"
    return replies[-1] if replies else ""


def assert_shows(shown: str, reply: str) -> None:
    """The reply has all pieces of what is shown, and begins and ends as it does."""
    body = re.sub(r"\n→ \d+\n$", "", reply)
    pieces = [re.escape(_without_spaces(piece)) for piece in shown.split("…")]
    assert re.fullmatch(".*".join(pieces), _without_spaces(body)), f"it shows\n{shown}\nwhat is\n{body}"


def _without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_the_tour(data_dir: Path, tmp_path: Path) -> None:
    """Every call is answered as it says, before and after a restart; so are the README's."""
    redis_binary("embedded")
    postgres_bin_dir("embedded")
    if shutil.which("curl") is None:
        need("curl")
    options = ("--demo", "--data-dir", str(data_dir))
    server: Serving | None = None
    last, previous = "", ""
    try:
        with shell() as bash:
            for language, text in [*tour(), *first_calls()]:
                if text.strip() == "make run":
                    if server is not None:
                        assert server.stop() == 0
                    server = Serving(tmp_path / "log", *options)
                    bash.run(f"URL={server.url} TOKEN={TOKEN}")
                elif language == "sh":
                    last = run_block(bash, text)
                elif language == "json":
                    # Two kinds of block show a reply: right after the call, or after words about it.
                    assert last and last != previous, f"nothing to compare with:\n{text}"
                    assert_shows(text, last)
                    previous = last
                else:
                    raise AssertionError(f"a block that is not run:\n{text}")
    finally:
        if server is not None and server.process.poll() is None:
            server.stop()


def test_the_tour_is_one() -> None:
    """What it promises to show is in it: the refusals, a restart, and replies of every kind."""
    commands = "".join(text for language, text in tour() if language == "sh")
    expected = EXPECTATION.findall(commands)
    assert {code for _, code in expected} >= WANTED | {"IDEMPOTENCY_MISMATCH", "TAG_MISMATCH"}
    assert commands.count("make run\n") == 2
    assert all(word in commands for word in ("If-Match", "durable", '"@0"', "expand=items", "session/save"))


@pytest.mark.parametrize(
    ("shown", "reply"),
    [
        ('{"a": 2}', '{"a":1}\n→ 200\n'),
        ('{"a": 1}', '{"a":1,"b":2}\n→ 200\n'),
        ('{"b": 2, … "a": 1}', '{"a":1,"b":2}\n→ 200\n'),
    ],
)
def test_a_lie_is_found(shown: str, reply: str) -> None:
    with pytest.raises(AssertionError, match="it shows"):
        assert_shows(shown, reply)


def test_a_wrong_status_is_found() -> None:
    """Beside the call, in the code, or not beside it at all."""
    say = r"""printf '{"code":"WRONG_SLOT"}\n→ 422\n'"""
    with shell() as bash:
        assert run_block(bash, f"{say}  # → 422 WRONG_SLOT\n")
        for line in (f"{say}  # → 200", f"{say}  # → 422 NOT_WEARABLE", say, "echo words"):
            with pytest.raises(AssertionError):
                run_block(bash, f"{line}\n")
