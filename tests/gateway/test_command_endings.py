"""A command that has started servers is told to end: the servers end with it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from persistence.embedded.lifeline import Lifeline
from tests.servers import postgres_bin_dir, redis_binary

WAITING = """
import sys
import time
from pathlib import Path

from gateway.configuration.settings import Settings
from gateway.serving.command_servers import database

with database(Settings(data_dir=Path(sys.argv[1])), new=True, migrated=False):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_servers_end_with_it(number: signal.Signals, data_dir: Path) -> None:
    redis_binary("embedded")
    postgres_bin_dir("embedded")
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, data_dir],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # As from a shell, whatever this process leaves alone.
        preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in (signal.SIGTERM, signal.SIGHUP)],
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    (lifeline,) = data_dir.rglob("postgres.lifeline")
    assert not Lifeline(lifeline, leader_plan=(), straggler_plan=()).held()
