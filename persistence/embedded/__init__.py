"""Valkey and PostgreSQL without an operator: started under a data directory, stopped with the program.

`EmbeddedServers` is the whole of it for the program. `ValkeyServer` and `PostgresServer` start a single
server out of any installation, which is what tests do. Everything here is synchronous and uses the standard
library only.
"""

from persistence.embedded.errors import BinaryMissing, DataDirLocked, DataInUse, EmbeddedError, ServerFailed
from persistence.embedded.lock import make_data_dir
from persistence.embedded.postgres import PostgresServer
from persistence.embedded.running import has_database, has_redis, running_database_url, running_redis_url
from persistence.embedded.servers import EmbeddedServers
from persistence.embedded.valkey import ValkeyServer

__all__ = [
    "BinaryMissing",
    "DataDirLocked",
    "DataInUse",
    "EmbeddedError",
    "EmbeddedServers",
    "PostgresServer",
    "ServerFailed",
    "ValkeyServer",
    "has_database",
    "has_redis",
    "make_data_dir",
    "running_database_url",
    "running_redis_url",
]
