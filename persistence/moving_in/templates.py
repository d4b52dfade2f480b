"""A studio's own names of templates, and ours: a file of two columns, old and new."""

import csv
from pathlib import Path

from persistence.moving_in.errors import ImportRefused

PAIRS_MAX = 1_000_000


def read_template_map(path: Path) -> dict[str, str]:
    """The pairs; a first line that says ``old,new`` is none. Raises ``ImportRefused``, ``OSError``."""
    found: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            for record in reader:
                if not record or (
                    reader.line_num == 1 and [cell.strip() for cell in record] == ["old", "new"]
                ):
                    continue
                if len(record) != 2 or not all(cell.strip() for cell in record):
                    raise ImportRefused(f"{path}: line {reader.line_num}: expected two fields, old and new")
                old, new = (cell.strip() for cell in record)
                if found.setdefault(old, new) != new:
                    raise ImportRefused(
                        f"{path}: line {reader.line_num}: {old!r} is there already, as {found[old]!r}"
                    )
                if len(found) > PAIRS_MAX:
                    raise ImportRefused(f"{path}: more than {PAIRS_MAX} pairs")
        except (csv.Error, UnicodeDecodeError) as error:
            raise ImportRefused(f"{path}: line {reader.line_num}: {error}") from error
    return found
