"""Workers: processes that serve side by side, and the parent that only watches over them.

A worker is a fork, made while the parent has neither an event loop nor a second thread. So settings and
secrets need no way to it; one that takes a dead one's place starts in a moment, with the code that
the others run, whatever has been installed meanwhile; and what is imported is in memory once.
"""

import ctypes
import gc
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NoReturn, Self

from gateway.serving.process import ParentSignals, ProcessEnded, fatal
from persistence.embedded.process import how_it_ended

# How often, at least, the parent looks whether all that is needed still runs.
WATCH_INTERVAL_S: Final = 0.5
# A place is filled again after this pause, longer each time until a worker has served for a while.
PAUSE_MIN_S: Final = 0.1
PAUSE_MAX_S: Final = 5.0
STEADY_S: Final = 10.0
# So many workers may end in one place before all have served once; then the start has failed.
TRIES: Final = 3
# Callers get 1 s to hear of it, requests 10 s to end, and the flush another 10.
END_S: Final = 40.0

_SERVES: Final = b"\0"
_PR_SET_PDEATHSIG: Final = 1

_log = logging.getLogger("haversack.workers")


@dataclass
class _Worker:
    """One process. ``pipe`` tells that it serves, by a byte, then its last words, then its end."""

    number: int
    pid: int
    pipe: int
    since: float
    heard: bytes = b""

    @property
    def serves(self) -> bool:
        return self.heard.startswith(_SERVES)


class Workers:
    """So many workers, from entering the context to leaving it."""

    def __init__(
        self,
        count: int,
        work: Callable[[int, Callable[[], None]], None],
        *,
        signals: ParentSignals,
        forked: Callable[[], None],
        broken: Callable[[], str | None],
    ) -> None:
        """``work`` gets a worker's number, from 1, and what to call when it serves; it runs until SIGTERM.

        ``forked`` is called in the parent after each fork; ``broken`` returns why no worker could
        go on, None as long as they can.
        """
        self._count = count
        self._work = work
        self._signals = signals
        self._forked = forked
        self._broken = broken
        self._living: dict[int, _Worker] = {}
        self._due = dict.fromkeys(range(1, count + 1), 0.0)
        self._failures = dict.fromkeys(range(1, count + 1), 0)
        self._started = False

    def __enter__(self) -> Self:
        # What is here now is in use for good. A collection in a worker that touched it would copy its memory.
        gc.collect()
        gc.freeze()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def watch(self, started: Callable[[], None]) -> None:
        """Keep the workers running until a signal says to stop; ``started`` is called once, when all serve.

        Raises ``ProcessEnded`` when the workers cannot begin, or when ``broken`` says so.
        """
        while not self._signals.stop:
            if (words := self._broken()) is not None:
                raise ProcessEnded(words)
            for number in [number for number, due in self._due.items() if due <= time.monotonic()]:
                self._start(number)
            self._listen(min([WATCH_INTERVAL_S, *(due - time.monotonic() for due in self._due.values())]))
            if not self._started and sum(worker.serves for worker in self._living.values()) == self._count:
                self._started = True
                started()

    def _start(self, number: int) -> None:
        sys.stdout.flush()
        reader, writer = os.pipe()
        parent = os.getpid()
        with self._signals.held_back():
            try:
                pid = os.fork()
            except OSError as error:
                os.close(reader)
                os.close(writer)
                self._put_off(number, f"could not be started: {error.strerror}", served_s=0.0)
                return
            if pid == 0:
                os.close(reader)
                self._become(number, writer, parent)
        os.close(writer)
        self._forked()
        del self._due[number]
        self._living[reader] = _Worker(number, pid, reader, time.monotonic())

    def _become(self, number: int, pipe: int, parent: int) -> NoReturn:
        """Be a worker. Nothing of the parent's is unwound here, whatever happens."""
        status = 1
        try:
            for other in self._living:
                os.close(other)
            _end_with(parent)
            self._signals.leave_to_parent()
            self._work(number, lambda: _tell(pipe, _SERVES))
            status = 0
        except BaseException as error:
            words = fatal(error)
            if words is None:
                _log.exception("worker %d failed", number)
                words = repr(error)
            _tell(pipe, words.encode(errors="replace"))
        finally:
            sys.stdout.flush()
            os._exit(status)

    def _listen(self, wait_s: float) -> None:
        """Wait for signals and for what workers tell, and deal with those that have ended."""
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        for pipe in self._living:
            poll.register(pipe, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(max(0, wait_s) * 1000)]
        if self._signals.fileno() in ready and self._signals.taken():
            for worker in self._living.values():
                os.kill(worker.pid, signal.SIGHUP)
        # A worker may have got the signal to stop as well.
        if not self._signals.stop:
            for ended in self._ended(ready):
                how = _bury(ended)
                served_s = time.monotonic() - ended.since if ended.serves else 0.0
                words = ended.heard.removeprefix(_SERVES).decode(errors="replace")
                said = f"(process {ended.pid}) {how}{f': {words}' if words else ''}"
                self._put_off(ended.number, said, served_s=served_s)

    def _ended(self, ready: list[int]) -> list[_Worker]:
        """Read what there is; those workers that have closed their pipes, which they do by ending."""
        ended = []
        for pipe in self._living.keys() & set(ready):
            if heard := os.read(pipe, select.PIPE_BUF):
                worker = self._living[pipe]
                worker.heard += heard
                if heard == _SERVES:
                    _log.info("worker %d (process %d) serves", worker.number, worker.pid)
            else:
                ended.append(self._living.pop(pipe))
        return ended

    def _put_off(self, number: int, words: str, *, served_s: float) -> None:
        """A place is empty; it is filled again after a pause, unless workers have failed to begin."""
        failures = 1 if served_s >= STEADY_S else self._failures[number] + 1
        if not self._started and failures >= TRIES:
            raise ProcessEnded(f"worker {number} {words}")
        pause_s = min(PAUSE_MIN_S * 2 ** (failures - 1), PAUSE_MAX_S)
        self._failures[number] = failures
        self._due[number] = time.monotonic() + pause_s
        _log.warning("worker %d %s; another follows in %.1f s", number, words, pause_s)

    def _end(self) -> None:
        """Ask all to stop, and wait; who does not in time is killed, which loses nothing acknowledged."""
        for worker in self._living.values():
            os.kill(worker.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_S
        while self._living and (left_s := deadline - time.monotonic()) > 0:
            poll = select.poll()
            for pipe in self._living:
                poll.register(pipe, select.POLLIN)
            for ended in self._ended([descriptor for descriptor, _ in poll.poll(left_s * 1000)]):
                _bury(ended)
        for worker in self._living.values():
            _log.warning("worker %d (process %d) does not end and is killed", worker.number, worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
            _bury(worker)
        self._living.clear()


def _bury(worker: _Worker) -> str:
    os.close(worker.pipe)
    _, status = os.waitpid(worker.pid, 0)
    return how_it_ended(os.waitstatus_to_exitcode(status))


def _tell(pipe: int, words: bytes) -> None:
    os.write(pipe, words[: select.PIPE_BUF])


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, however that comes about.

    A worker that went on alone would hold the port, and nobody would replace it or stop it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "the parent's death cannot be watched for")
    if os.getppid() != parent:
        # It died before the kernel knew.
        os._exit(1)
