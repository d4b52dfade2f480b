"""SIGTERM and SIGHUP end a command as an error would: what it has started, it stops."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from persistence.embedded import EmbeddedServers

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def stopped_with(stack: ExitStack, servers: EmbeddedServers) -> EmbeddedServers:
    """Have the servers stopped when ``stack`` ends, which a signal brings about as well."""
    endings = stack.enter_context(_ended_by_signals())
    stack.enter_context(servers)
    # Whoever is stopping them is not to be kept from it.
    stack.callback(endings.clear)
    return servers


@contextmanager
def _ended_by_signals() -> Iterator[set[int]]:
    """Let one of them raise ``SystemExit`` (128 + signal) in the block, as long as it is in the set given.

    Without that Python would die on the spot, and servers that it has started would live on without anybody.
    Handlers of the program's own are kept, also those that it sets in the block.
    """
    endings = set(map(int, _SIGNALS))

    def end(signum: int, _: FrameType | None) -> None:
        if signum in endings:
            endings.clear()
            raise SystemExit(128 + signum)

    ours = []
    if threading.current_thread() is threading.main_thread():
        ours = [signum for signum in _SIGNALS if signal.getsignal(signum) is signal.SIG_DFL]
    for signum in ours:
        signal.signal(signum, end)
    try:
        yield endings
    finally:
        for signum in ours:
            if signal.getsignal(signum) is end:
                signal.signal(signum, signal.SIG_DFL)
