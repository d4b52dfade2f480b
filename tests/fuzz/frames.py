"""Frames of a WebSocket: some right, some with reserved bits, no mask, wrong lengths, or broken text."""

import json
import struct
from random import Random

from tests.fuzz.mutations import mutated
from tests.fuzz.right import CHAR_ID

_LENGTHS = (0, 125, 65535, 2**31, 2**63 - 1)


def frames(random: Random) -> bytes:
    """A few in a row."""
    return b"".join(_frame(random) for _ in range(random.randint(1, 6)))


def _frame(random: Random) -> bytes:
    commands = [{"op": "sort", "container": "bag"}]
    request = {"id": random.randrange(9), "char_id": CHAR_ID, "commands": commands}
    content = json.dumps(random.choice((request, [request] * 3, {}, None))).encode()
    if random.random() < 0.4:
        content = mutated(random, content)
    opcode = random.choice((1, 1, 1, 0, 2, 8, 9, 10, random.randrange(16)))
    first = opcode | (0x80 if random.random() < 0.8 else 0) | random.choice((0, 0, 0, 0x10, 0x40))
    length = random.choice(_LENGTHS) if random.random() < 0.1 else len(content)
    masked = 0x80 if random.random() < 0.9 else 0
    if length < 126:
        head = bytes((first, masked | length))
    elif length < 65536:
        head = bytes((first, masked | 126)) + struct.pack(">H", length)
    else:
        head = bytes((first, masked | 127)) + struct.pack(">Q", length)
    if not masked:
        return head + content
    mask = random.randbytes(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))
