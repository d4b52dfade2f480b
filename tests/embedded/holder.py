"""A program that starts embedded servers and then behaves as its arguments say; tests run and kill it.

    python holder.py DATA_DIR STATE_ROOT {wait | last-words}

It prints "starting", then a line of JSON with its URLs, and then waits for a signal. With "last-words", it
writes a key to Valkey when Ctrl-C comes, before it stops the servers.
"""

# ruff: noqa: T201

import json
import signal
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import unquote

from persistence.embedded import EmbeddedError, EmbeddedServers


def main(data_dir: str, state_root: str, behaviour: str) -> int:
    # A shell lets what it runs in the background ignore Ctrl-C, and so would we, with the tests run there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("starting", flush=True)
    try:
        servers = EmbeddedServers.start(Path(data_dir), state_root=Path(state_root))
    except EmbeddedError as error:
        print(f"refused: {error}", flush=True)
        return 3
    with servers:
        try:
            print(json.dumps({"redis": servers.redis_url, "database": servers.database_url}), flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            if behaviour == "last-words":
                say_last_words(servers.redis_url or "")
    return 0


def say_last_words(url: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(unquote(url.removeprefix("unix://")))
        client.sendall(b"SET last words\r\n")
        assert client.recv(100) == b"+OK\r\n"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
