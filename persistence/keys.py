"""The only place that spells a Redis key."""

from binascii import crc_hqx
from typing import Final

from msgspec import Struct

# In database 0: which function library was used when, by processes of all deployments on the server.
LIBRARIES: Final = "haversack:libraries"
# What becomes of a character's session, and the queue of its shard; not the number of shards, which stays.
_OF_SESSIONS: Final = ("session", "journal", "done", "fence", "due", "incident")


class SessionKeys(Struct, frozen=True):
    """The keys of one character; on a cluster they share a hash slot with their due queue."""

    session: str
    journal: str
    done: str
    fence: str
    due: str
    incident: str


class Keys:
    """Spells keys under a prefix, for a number of shards that is fixed for a deployment's life."""

    def __init__(self, prefix: str = "inventory:", shards: int = 1) -> None:
        """``prefix`` tells realms on one Redis apart; ``shards`` ≥ 1."""
        self.prefix = prefix
        self.shards = shards

    def of(self, char_id: str) -> SessionKeys:
        """The keys of a character, whose id is the text of its UUID."""
        shard = "" if self.shards == 1 else self._tag(crc_hqx(char_id.encode(), 0) % self.shards)
        prefix = self.prefix
        # By position, which is a good deal quicker, and every call needs them.
        return SessionKeys(
            f"{prefix}session:{shard}{char_id}",
            f"{prefix}journal:{shard}{char_id}",
            f"{prefix}done:{shard}{char_id}",
            f"{prefix}fence:{shard}{char_id}",
            f"{prefix}due:{shard}",
            f"{prefix}incident:{shard}{char_id}",
        )

    def of_flush(self, char_id: str) -> tuple[str, str, str]:
        """Session, journal and due queue of a character, which a flush spells for hundreds."""
        shard = "" if self.shards == 1 else self._tag(crc_hqx(char_id.encode(), 0) % self.shards)
        prefix = self.prefix
        session, journal = f"{prefix}session:{shard}{char_id}", f"{prefix}journal:{shard}{char_id}"
        return session, journal, f"{prefix}due:{shard}"

    def due_queues(self) -> list[str]:
        """The due queue of every shard."""
        return [f"{self.prefix}due:{self._tag(shard)}" for shard in range(self.shards)]

    def patterns_of_sessions(self) -> list[str]:
        """What keys of sessions match, and none of a deployment whose prefix begins with this one."""
        return [f"{self.prefix}{kind}:*" for kind in _OF_SESSIONS]

    @property
    def shard_count(self) -> str:
        """The key that says for how many shards the others were spelled."""
        return f"{self.prefix}shards"

    def _tag(self, shard: int) -> str:
        return "" if self.shards == 1 else f"{{{shard}}}:"
