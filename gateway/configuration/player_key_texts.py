"""How the keys of characters' tokens are written in the setting: secrets, and paths of files."""

import re
from pathlib import Path
from typing import Final

# One that is used, and one that is coming or going.
KEYS_MAX: Final = 2

# Without a slash, which makes it a path, and without a comma, which comes between two.
_SECRET = re.compile(r"[\x21-\x2b\x2d\x2e\x30-\x7e]{32,512}")
# A secret that stands in a file may have both.
_SECRET_OF_FILE = re.compile(r"[\x21-\x7e]{32,512}")


def key_texts(text: str) -> tuple[str, ...]:
    """The one or two keys of the setting, as they are written there. Raises ``ValueError``, without them."""
    texts = tuple(part.strip(" ") for part in text.split(","))
    if len(texts) > KEYS_MAX:
        raise ValueError(f"expected at most {KEYS_MAX} keys, with a comma between")
    if "\0" in text or not all(is_path(one) or _SECRET.fullmatch(one) for one in texts):
        raise ValueError(
            "expected a secret of 32 to 512 printable characters without a comma,"
            " or a path, which has a slash in it"
        )
    return texts


def key_files(texts: tuple[str, ...]) -> tuple[Path, ...]:
    """Those of the keys that are files."""
    return tuple(Path(text) for text in texts if is_path(text))


def is_path(text: str) -> bool:
    """Whether the text names a file, and is no secret."""
    return "/" in text


def is_secret_of_file(text: str) -> bool:
    """Whether the content of a file, without spaces around it, can be a secret."""
    return _SECRET_OF_FILE.fullmatch(text) is not None
