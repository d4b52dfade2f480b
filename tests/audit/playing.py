"""Somebody who plays whatever comes to mind, and is not put off."""

import random

from persistence.errors import PersistenceError, SessionNotLive
from persistence.orchestrator import InventoryOrchestrator
from tests.parity.world import random_command
from tests.service.play import do, grant


async def play_randomly(
    gateway: InventoryOrchestrator,
    char_id: str,
    rng: random.Random,
    *,
    calls: int,
    evictions: float = 0.03,
    durable: float = 0.1,
) -> int:
    """Play ``calls`` calls, and end the session now and then; answers how many were carried out."""
    carried_out = 0
    for number in range(calls):
        try:
            if rng.random() < evictions:
                await gateway.save_session(char_id, evict=True)
            live = await gateway.read_session(char_id)
            commands = [random_command(rng, live.session, index) for index in range(rng.choice((0, 1, 2)))]
            commands = commands or [grant("gold", rng.randint(1, 9))]
            op_id = f"{char_id}/{id(rng)}/{number}" if rng.random() < 0.4 else ""
            reply = await do(gateway, *commands, char_id=char_id, op_id=op_id, durable=rng.random() < durable)
            carried_out += isinstance(reply, dict)
        except SessionNotLive:
            await gateway.load_session(char_id)
        except (PersistenceError, ValueError):
            # Overtaken by others, or a command that no caller could send.
            continue
    return carried_out
