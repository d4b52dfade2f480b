"""A server to play on: one of our own in a temporary directory, or one that somebody names."""

import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from persistence.embedded import EmbeddedServers


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """The URL of the server; an embedded Valkey is started without one, and removed with its data."""
    if url is not None:
        yield url
        return
    home = Path(tempfile.mkdtemp(prefix="haversack-parity-"))
    try:
        # Nothing here is worth a write to the disk.
        with EmbeddedServers.start(home, postgres=False, valkey_settings={"appendonly": "no"}) as servers:
            assert servers.redis_url is not None
            yield servers.redis_url
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does: what was started is stopped, what was written deleted."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
