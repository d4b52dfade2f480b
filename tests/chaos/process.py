"""Gateways and flushers as processes of their own, each behind proxies of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from tests.adversity.fault_proxy import FaultProxy
from tests.serving import TOKEN, Serving

START_S = 30.0


class Process:
    """One that is started again whenever it has ended; clients reach a gateway at ``front``.

    ``direct``: what of "redis" and "postgres" it reaches without a proxy, for measuring.
    """

    def __init__(
        self,
        kind: Literal["gateway", "flusher"],
        name: str,
        redis_url: str,
        database_url: str,
        log: Path,
        direct: Collection[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.name, self.log = kind, name, log
        self.url = ""
        self.to_redis = FaultProxy(redis_url)
        self.to_postgres = FaultProxy(database_url)
        self.front = FaultProxy("tcp://127.0.0.1:1") if kind == "gateway" else None
        self._environ = {
            "HAVERSACK_REDIS_URL": redis_url if "redis" in direct else self.to_redis.redis_url(),
            "HAVERSACK_DATABASE_URL": (
                database_url if "postgres" in direct else self.to_postgres.database_url(database_url)
            ),
        } | dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self.starts = 0

    @property
    def proxies(self) -> list[FaultProxy]:
        return [proxy for proxy in (self.to_redis, self.to_postgres, self.front) if proxy is not None]

    def keep_running(self) -> None:
        """Start it unless it runs. One that cannot reach its servers ends, and is tried again next time."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            self._process = None
            if self.front is not None:
                # As when nothing listens: callers know that their calls were not made.
                self.front.refuse()
            try:
                self._process = self._serve() if self.front is not None else self._flush()
                self.starts += 1
            except AssertionError:
                return

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal, if it runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return False
        os.kill(process.pid, number)
        return True

    def stop(self) -> int:
        """Ask it to stop, and wait; its exit status."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                return -1
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            try:
                return process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait(10)

    def close(self) -> None:
        self.stop()
        for proxy in self.proxies:
            proxy.close()

    def _serve(self) -> "subprocess.Popen[bytes]":
        serving = Serving(self.log, env=self._environ)
        assert self.front is not None
        self.url = serving.url
        self.front.lead_to(serving.url)
        self.front.accept()
        return serving.process

    def _flush(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as output:
            begun = output.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "flush"],
                env=os.environ | {"HAVERSACK_TOKEN": TOKEN} | self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_S
        while b"Haversack flushes" not in self.log.read_bytes()[begun:]:
            assert process.poll() is None and time.monotonic() < deadline, "it does not flush"
            time.sleep(0.02)
        return process
