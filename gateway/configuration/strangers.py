"""Variables that look like settings and are none: most likely somebody has misspelt one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Final

from gateway.configuration.settings import PREFIX, Settings

# Kubernetes sets these by itself for a service that is called haversack, or begins so.
_OF_KUBERNETES: Final = re.compile(r"_SERVICE_(HOST|PORT)(_\w+)?$|_PORT_[0-9]+_(TCP|UDP)(_\w+)?$")


def strangers(environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each ``HAVERSACK_*`` that no setting is read from, by name; never what it is set to.

    One that is set to nothing counts as not set, as with settings.
    """
    known = [entry.name.upper() for entry in fields(Settings)]
    for name in sorted(environ):
        # In another case it is another variable, and was hardly meant to be.
        if not name.upper().startswith(PREFIX) or not environ[name] or _OF_KUBERNETES.search(name):
            continue
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) in known:
            continue
        # Without what all have in common, by which any two would be near.
        near = get_close_matches(name[len(PREFIX) :].upper(), known, n=1, cutoff=0.75)
        hint = f": did you mean {PREFIX}{near[0]}?" if near else ""
        yield f"{name} is in the environment and is no setting{hint}"
