"""A text with something wrong in it, wherever that may be."""

from random import Random

_PUT_IN = (b"\r\n", b"\r\n\r\n", b"\0", b": ", b"\xff", b"9" * 400)


def mutated(random: Random, text: bytes) -> bytes:
    """The text with some bytes altered, taken out, put in, or said twice."""
    found = bytearray(text)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(found) + 1)
        match random.randrange(5):
            case 0 if at < len(found):
                found[at] ^= 1 << random.randrange(8)
            case 1:
                del found[at : at + random.randint(1, 30)]
            case 2:
                found[at:at] = random.randbytes(random.randint(1, 10))
            case 3:
                found[at:at] = found[at : at + random.randint(1, 60)] * random.randint(1, 5)
            case _:
                found[at:at] = random.choice(_PUT_IN)
        if not found:
            return b"\0"
    return bytes(found)


def truncated(random: Random, text: bytes) -> bytes:
    """Its beginning, of a byte or more."""
    return text[: random.randrange(1, len(text))]
