"""A database whose roles have the least rights, and users of Redis that have the least, to log in by."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import redis

from engine.ruleset import Ruleset
from persistence.items.catalog import Template
from persistence.items.catalog_store import import_catalog
from persistence.postgres.migrations import migrate
from persistence.postgres.store import InventoryStore
from persistence.roles import grant, postgres_roles, redis_users
from persistence.service import ServiceSettings
from tests.parity.world import ACTOR, CHAR_ID, TEMPLATES
from tests.servers import Servers
from tests.service.conftest import Site

PASSWORD = "least-of-all"
USERS = ("haversack", "haversack-operator")
# Name and version of the client; the policy, which INFO tells as well.
NOT_NEEDED = ("client|setinfo", "config|get")
LOGINS = {"tests_migrator": "owner", "tests_gateway": "service", "tests_support": "support"}


@dataclass(frozen=True)
class Restricted:
    """URLs of one deployment, by who logs in."""

    admin: str
    owner: str
    service: str
    support: str
    redis: str
    operator: str

    @property
    def env(self) -> dict[str, str]:
        """Of a process that serves."""
        return {"HAVERSACK_REDIS_URL": self.redis, "HAVERSACK_DATABASE_URL": self.service}


async def make_roles(admin: str) -> None:
    """As an administrator does it: the roles, and who logs in by them. Roles are the whole server's."""
    connection = await asyncpg.connect(admin)
    try:
        await connection.execute(postgres_roles())
        for login, role in LOGINS.items():
            if not await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", login):
                await connection.execute(f"CREATE ROLE {login} LOGIN IN ROLE haversack_{role}")
        await connection.execute("ALTER ROLE tests_migrator SET role = 'haversack_owner'")
    finally:
        await connection.close()


async def restricted(servers: Servers, client: "redis.Redis", *, migrated: bool = True) -> Restricted:
    """A fresh database with its roles, an empty Redis with its users; their tables only if ``migrated``."""
    client.flushall()
    client.execute_command("ACL", "LOG", "RESET")
    for user, rules in redis_users("inventory:").items():
        client.execute_command("ACL", "SETUSER", user, "resetpass", f">{PASSWORD}", *rules)
    admin = await servers.empty_database()
    await make_roles(admin)
    found = Restricted(
        admin,
        *(admin.replace("//haversack@", f"//{login}@") for login in LOGINS),
        *(f"{servers.redis.url}?username={user}&password={PASSWORD}" for user in USERS),
    )
    if migrated:
        await migrate(found.owner)
        assert await grant(found.owner)
    return found


async def restricted_site(servers: Servers, ruleset: Ruleset, client: "redis.Redis") -> Site:
    """As ``new_site``, on servers that allow the program no more than it needs."""
    rights = await restricted(servers, client)
    settings = ServiceSettings(rights.redis, rights.service, flush_interval_ms=20)
    store = await InventoryStore.connect(rights.service, ruleset, pool_size=1)
    await import_catalog(store, [Template(facts, {}) for facts in TEMPLATES.values()])
    await store.create_character(CHAR_ID, "Tess", ACTOR)
    await store.close()
    return RestrictedSite(settings, ruleset, client, rights)


@dataclass
class RestrictedSite(Site):
    """A site whose audit comes by an operator's rights, as in a deployment."""

    rights: Restricted

    async def audit(self) -> None:
        site = Site(self.settings, self.ruleset, self.client)
        site.settings = ServiceSettings(self.rights.operator, self.rights.support)
        await site.audit()


def denials(client: "redis.Redis") -> list[Any]:
    """What Redis refused to the program's users, but for what is asked at every start and is not needed."""
    return [
        (entry["username"], entry["reason"], entry["object"])
        for entry in client.acl_log()
        if entry["username"] in redis_users("inventory:") and entry["object"] not in NOT_NEEDED
    ]
