"""What an operator reads when the service is up: which servers it has, and nothing that ceases to be true."""

from pathlib import Path

from engine.ruleset import Ruleset
from gateway.configuration.settings import Settings
from gateway.serving.announcement import Announcement
from gateway.serving.which_servers import servers_line


def test_the_announcement(ruleset: Ruleset) -> None:
    said: list[str] = []
    servers = servers_line(Settings(database_url="postgresql://u:hunter2@db/game"))
    Announcement(ruleset, Path("x/token"), servers=servers, demo=True, https=False, say=said.append).make(
        ("::1", 8080)
    )
    assert said[:3] == [
        f"Haversack serves at http://[::1]:8080, ruleset haversack {ruleset.hash}",
        "PostgreSQL: postgresql://db/game; Redis: embedded, in ./.haversack",
        "The token is in x/token",
    ]
    # What she has in hand by then, the demo does not know.
    assert said[3].startswith("Try it: equip Hedda with her longsword\n  curl -X POST http://[::1]:8080/v1/")
