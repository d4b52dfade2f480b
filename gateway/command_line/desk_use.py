"""The desk opened for a command, and what is done there shown before it is done."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from engine.ruleset import Ruleset
from engine.shipped import read_ruleset
from gateway.command_line.agreement import agreed
from gateway.command_line.same_ruleset import check_ruleset
from gateway.command_line.saying import say
from gateway.configuration.settings import Settings
from gateway.serving.command_servers import service_settings
from persistence.desk.desk import Desk
from persistence.desk.errors import PreviewOutdated
from persistence.service import ServiceSettings, open_service

DONE, FAILED = 0, 1
# How often a preview is shown anew because the character has changed since.
PREVIEWS: Final = 20

T = TypeVar("T")


def at_the_desk(settings: Settings, use: Callable[[Desk], Awaitable[T]]) -> T:
    """What ``use`` answers, with a service opened for it alone."""
    with service_settings(settings) as service:
        return _used(service, read_ruleset(settings.ruleset), use)


def previewed(
    settings: Settings,
    arguments: argparse.Namespace,
    preview: Callable[[Desk], Awaitable[T]],
    show: Callable[[T], bool],
    do: Callable[[T | None, Desk], Awaitable[None]],
) -> int:
    """Show what would be done, ask, and do it; anew where the character has changed in between.

    ``show`` answers whether there is anything to do. ``do`` is given what was agreed to, or None for
    ``--yes``, and then shows by itself what it does. The service is closed while a person reads.
    """
    ruleset = read_ruleset(settings.ruleset)
    with service_settings(settings) as service:
        # Erasing asks no rules.
        if not getattr(arguments, "any_ruleset", True):
            char_id, name = arguments.char_id, settings.ruleset
            _used(service, ruleset, lambda desk: check_ruleset(desk, char_id, name, ruleset))
        for _ in range(PREVIEWS):
            seen: T | None = None
            if not arguments.yes:
                seen = _used(service, ruleset, preview)
                if not show(seen):
                    return DONE
                if not agreed():
                    say("Nothing was done.")
                    return FAILED
            try:
                _used(service, ruleset, partial(do, seen))
            except PreviewOutdated:
                say("It has changed in between, and nothing was done. This is how it is now:")
            else:
                return DONE
    say(f"It changed each of {PREVIEWS} times: nothing was done. Keep the player out, and try again.")
    return FAILED


def _used(service: ServiceSettings, ruleset: Ruleset, use: Callable[[Desk], Awaitable[T]]) -> T:
    async def used() -> T:
        async with open_service(service, ruleset, flushing=False) as orchestrator:
            return await use(orchestrator.desk())

    return asyncio.run(used())
