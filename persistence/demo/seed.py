"""Plays the demo's content into a service, once."""

from engine.refusals import Refusal
from persistence.demo.content import DemoCharacter, demo_catalog, demo_characters
from persistence.errors import CharacterExists
from persistence.items.catalog import parse_catalog
from persistence.items.catalog_store import import_catalog
from persistence.orchestrator import InventoryOrchestrator
from persistence.records import Call


async def seed(orchestrator: InventoryOrchestrator) -> bool:
    """Import the demo's catalog if there is none, and create its characters; False when all was there.

    A start that was cut off midway is taken up where it stopped: a batch is one call, so a
    character's seq tells how many batches it has had.
    """
    if orchestrator.items.version == 0:
        await import_catalog(orchestrator.store, parse_catalog(demo_catalog(), orchestrator.ruleset))
        await orchestrator.items.refresh()
    played = [await _play(orchestrator, character) for character in demo_characters()]
    return any(played)


async def _play(orchestrator: InventoryOrchestrator, character: DemoCharacter) -> bool:
    try:
        await orchestrator.create_character(character.char_id, character.name, character.actor)
    except CharacterExists:
        if (await orchestrator.character(character.char_id)).seq >= len(character.batches):
            return False
    state, _ = await orchestrator.load_session(character.char_id)
    for number, commands in enumerate(character.batches[state.seq :], start=state.seq):
        outcome = await orchestrator.submit(
            character.char_id, commands, Call(by="demo"), id_prefix=id_prefix(character.char_id, number)
        )
        if not isinstance(outcome, bytes):
            words = outcome.code if isinstance(outcome, Refusal) else "it was altered meanwhile"
            raise RuntimeError(f"demo character {character.char_id}, batch {number}: {words}")
    await orchestrator.save_session(character.char_id)
    return True


def id_prefix(char_id: str, batch: int) -> str:
    """What begins the ids of the items that a batch makes: known, so that examples can name items."""
    return f"{char_id[:8]}{batch:016x}"
