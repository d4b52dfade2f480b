"""Coins, of which each call makes one, so that counting them tells how often it was done."""

from haversack_client import CharacterHandle, Grant

COIN = Grant("gold_coin", 1)


async def coins_of(hero: CharacterHandle) -> int:
    return sum(item.quantity for item in (await hero.wallet()).items)


async def keys_of(hero: CharacterHandle) -> list[str]:
    """The keys under which something was done, in order."""
    return [entry.op_id async for entry in hero.journal()]
