"""Certificates and keys that the URL of a server names: looked for at the start, and told by name.

Both drivers say no more of one that is not there than that some file is not.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

OF_REDIS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
# What a rediss:// URL may say of TLS, the files among it.
TLS_OF_REDIS: Final = (*OF_REDIS, "ssl_password", "ssl_check_hostname", "ssl_min_version")
OF_POSTGRESQL: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")


def check_files(url: str, parameters: Iterable[str]) -> None:
    """Raise ``ValueError`` for a file that cannot be read; nothing else of the URL is in its words."""
    named = parse_qs(urlsplit(url).query)
    for parameter in parameters:
        for path in named.get(parameter, ()):
            try:
                with Path(path).open("rb"):
                    pass
            except OSError as error:
                raise ValueError(f"{parameter}: {path} cannot be read: {error.strerror}") from None
