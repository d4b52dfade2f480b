"""How many files a process may have open, of which each connection is one."""

import logging
import resource
from typing import Final

# Connections to Redis and PostgreSQL, logs, the catalog's files, and what comes and goes.
BESIDES: Final = 256

_log = logging.getLogger("haversack.serve")


def allow_connections(count: int) -> None:
    """Raise this process's own limit so that so many connections fit; warn where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + BESIDES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _log.warning(
            "this process may open %d files, which is too few for %d connections:"
            " raise its limit (ulimit -n, LimitNOFILE) or lower HAVERSACK_CONNECTIONS_MAX",
            allowed,
            count,
        )
