"""How keys are spelled, and that a deployment cannot change its mind about it."""

import msgspec
import pytest

from persistence.errors import PersistenceError
from persistence.keys import Keys
from tests.parity.world import CHAR_ID
from tests.service.conftest import Site
from tests.service.play import do, grant, stored_items


def test_one_shard_has_plain_keys() -> None:
    keys = Keys()
    assert keys.of(CHAR_ID).session == f"inventory:session:{CHAR_ID}"
    assert keys.of(CHAR_ID).due == "inventory:due:"
    assert keys.due_queues() == ["inventory:due:"]


def test_shards_are_the_crc16_that_clusters_use() -> None:
    # 0x31C3 is the published check value of CRC-16/XMODEM.
    assert Keys(shards=0x10000).of("123456789").due == "inventory:due:{12739}:"


def test_all_keys_of_a_character_share_a_hash_tag() -> None:
    keys = Keys("realm-2:", shards=8).of(CHAR_ID)
    tags = {getattr(keys, name).split("{")[1].split("}")[0] for name in keys.__struct_fields__}
    assert len(tags) == 1
    assert all(getattr(keys, name).startswith("realm-2:") for name in keys.__struct_fields__)


async def test_sharded_sessions_are_played_and_flushed(each_site: Site) -> None:
    each_site.settings = msgspec.structs.replace(each_site.settings, shards=4)
    async with each_site.gateway() as gateway:
        await gateway.load_session(CHAR_ID)
        await do(gateway, grant("dagger"))
        await gateway.save_session(CHAR_ID, evict=True)
        assert len(await stored_items(gateway)) == 1
        assert not each_site.client.keys("*session*")


async def test_another_number_of_shards_is_refused(site: Site) -> None:
    async with site.gateway():
        pass
    site.settings = msgspec.structs.replace(site.settings, shards=4)
    with pytest.raises(PersistenceError, match="1 shards, not 4"):
        async with site.gateway():
            pass


async def test_a_server_that_evicts_is_refused(site: Site) -> None:
    site.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(PersistenceError, match="allkeys-lru"):
            async with site.gateway():
                pass
    finally:
        site.client.config_set("maxmemory-policy", "noeviction")
