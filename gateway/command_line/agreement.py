"""Somebody at a terminal is asked whether it shall be done."""

import sys


def agreed(question: str = "Do it?") -> bool:
    """Whether somebody says yes; where there is no terminal, nobody does, and is told of ``--yes``."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stdout.write("Say --yes to do it.\n")
        sys.stdout.flush()
        return False
    sys.stdout.write(f"{question} Type yes: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"
