"""What a command says."""

import sys


def say(*lines: str) -> None:
    """Write lines to standard output, where they are seen at once."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()
