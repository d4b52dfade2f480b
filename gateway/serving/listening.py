"""The port of a service of several processes: each connection goes to one of those that listen.

Each process has a socket of its own with SO_REUSEPORT, and the kernel deals connections out among
them by a hash. A single socket that all inherit would wake whichever process is idle: of 8
connections that come at once and stay, 7 went to one of two processes; with SO_REUSEPORT, 5 did.
And the socket of a process that dies is gone with it, so that nobody waits in its queue.

The kernel lets only processes of one user share a port. Two services of one user could do so by
mistake, so the port is claimed without sharing, and opened to others when it is ours.
"""

import errno
import socket
from typing import Any, Final

BACKLOG: Final = 1024


class PortTaken(OSError):
    """Somebody else listens there; the message says what to do."""


def check_free(host: str, port: int) -> None:
    """Look whether the port is free, before much else is begun; who comes in between is found later.

    Raises ``PortTaken``; ``OSError`` for a host that is not here, or a port that may not be had.
    """
    try:
        SharedPort(host, port).let_go()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} is taken; --port names another") from error
        # A name may have an address of a family that this machine has not, beside one that serves.
        if error.errno != errno.EAFNOSUPPORT:
            raise


class SharedPort:
    """A port that this process has claimed, and that the processes which it forks share."""

    def __init__(self, host: str, port: int) -> None:
        """Listen on every address of ``host``; ``port`` 0 takes one that is free.

        Who connects before a worker serves waits for the one that gets the claimed sockets. Raises
        ``OSError`` when the host has no address here, or when the port is not free.
        """
        self._claimed: list[socket.socket] = []
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, *_, address in found:
                if port == 0 and self._claimed:
                    address = (address[0], self._claimed[0].getsockname()[1], *address[2:])
                self._claimed.append(_claimed(family, address))
        except BaseException:
            self.let_go()
            raise
        self.addresses: list[Any] = [one.getsockname() for one in self._claimed]
        self._families = [one.family for one in self._claimed]

    def sockets(self) -> list[socket.socket]:
        """For a worker: the claimed sockets while they are here, else further ones on the same port."""
        if self._claimed:
            return self._claimed
        further = [_socket(family) for family in self._families]
        for one, address in zip(further, self.addresses, strict=True):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
        return further

    def let_go(self) -> None:
        """Close the claimed sockets here; a worker that was forked since they were claimed has them."""
        for one in self._claimed:
            one.close()
        self._claimed = []


def _claimed(family: int, address: Any) -> socket.socket:  # noqa: ANN401 - each family has its own form
    """A socket that listens where nobody else does, and from then on lets others of ours join."""
    one = _socket(family)
    try:
        one.bind(address)
        # Until they listen, two that allow the reuse of addresses may be bound to one.
        one.listen(BACKLOG)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        one.close()
        where = f"[{address[0]}]" if ":" in address[0] else address[0]
        raise OSError(error.errno, f"cannot listen on {where}:{address[1]}: {error.strerror}") from error
    return one


def _socket(family: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    # Connections of a service that stopped a moment ago keep nobody from listening.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return one
