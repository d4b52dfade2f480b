"""What an operator reads when the service is up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.ruleset import Ruleset


class Announcement:
    """Where it serves, where the token is, and with the demo a first call to try."""

    def __init__(
        self,
        ruleset: Ruleset,
        token_path: Path | None,
        *,
        servers: str,
        demo: bool,
        https: bool,
        say: Callable[[str], None],
    ) -> None:
        """``token_path`` is None for a token that was given; ``say`` gets the lines, also ``servers``."""
        self._ruleset = ruleset
        self._token_path = token_path
        self._servers = servers
        self._demo = demo
        self._scheme = "https" if https else "http"
        self._say = say

    def make(self, address: Any) -> None:  # noqa: ANN401 - as sockets have it
        """Say it; ``address`` is a listening socket's."""
        host, port = address[:2]
        url = f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self._say(f"Haversack serves at {url}, ruleset {self._ruleset.name} {self._ruleset.hash}")
        self._say(self._servers)
        if self._token_path is not None:
            self._say(f"The token is in {self._token_path}")
        if self._demo:
            token = f"$(cat {self._token_path})" if self._token_path is not None else "$HAVERSACK_TOKEN"
            self._say(f"Try it: equip Hedda with her longsword\n{_first_curl(url, token)}")


def _first_curl(url: str, token: str) -> str:
    longsword = "11111111000000000000000100000001"
    return (
        f"  curl -X POST {url}/v1/characters/11111111-1111-4111-8111-111111111111/inventory/equip \\\n"
        f'    -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\\n'
        f'    -d \'{{"item_id": "{longsword}"}}\''
    )
