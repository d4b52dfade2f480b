"""Schemathesis against a served process: every operation, every check, from the served document."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.openapi.right_data import CHARACTERS, DOOMED, STOCK, Items, stock
from tests.serving import TOKEN

REPOSITORY = Path(__file__).parents[2]
HOOKS = Path(__file__).with_name("hooks.py")

# What is expected beside what it expects by itself: a command that the rules refuse is well formed, and so
# is one whose tag is another.
CONFIG = """\
seed = {seed}
hooks = "{hooks}"
workers = 1

[auth.openapi.serviceToken]
bearer = "{token}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "404", "409", "412", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "409", "413", "415", "422"]

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx"]

[dictionaries.characters]
values = {characters}

[dictionaries.doomed]
values = {doomed}

[dictionaries.items]
values = {items}

[dictionaries.templates]
values = {templates}

[dictionaries.containers]
values = ["bag", "bank", "quick", "wallet", "equipment"]

[parameters]
"path.char_id" = {{ dictionary = "characters", probability = 0.8 }}
"path.item_id" = {{ dictionary = "items", probability = 0.8 }}
"path.template_id" = {{ dictionary = "templates", probability = 0.8 }}
"body.item_id" = {{ dictionary = "items", probability = 0.6 }}
"body.template_id" = {{ dictionary = "templates", probability = 0.6 }}
"body.container" = {{ dictionary = "containers", probability = 0.6 }}
"body.to.container" = {{ dictionary = "containers", probability = 0.6 }}

[generation]
max-examples = {examples}
# What has failed before is not to be sent first: the same seed makes the same cases.
database = "none"

# A warning is a failure: of what is rightly formed some is answered, by every operation.
[warnings]
fail-on = true

[phases.coverage]
enabled = true

[phases.stateful]
max-steps = 4

# Events do not end: the first is enough to see what they look like.
[[operations]]
include-operation-id = "read_events"
max-stream-events = 1

# A plain GET is no handshake, and the answer says so. Streams have tests of their own, frame by frame.
[[operations]]
include-operation-id = "stream"

[operations.checks.positive_data_acceptance]
expected-statuses = ["400"]

[operations.warnings]
enabled = false

# A schema cannot tell a text whose lines are templates from another one.
[[operations]]
include-operation-id = "replace_catalog"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "409", "412"]

# Whom it erases nobody can be asked for again.
[[operations]]
include-operation-id = "erase_character"

[operations.parameters]
"path.char_id" = {{ dictionary = "doomed", probability = 0.9 }}
"""


def run(url: str, home: Path, *options: str, seed: int, examples: int) -> str:
    """Run it to its end; its output. Raises ``AssertionError`` with the output where anything failed."""
    home.mkdir(exist_ok=True)
    items = stock(url)
    config = CONFIG.format(
        seed=seed,
        hooks=HOOKS,
        token=TOKEN,
        characters=json.dumps(CHARACTERS),
        doomed=json.dumps(DOOMED),
        items=json.dumps([item_id for some in items.values() for item_id in some.values()]),
        templates=json.dumps(list(STOCK)),
        examples=examples,
    )
    path = home / "schemathesis.toml"
    path.write_text(config, "utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(path), "run",
            f"{url}/openapi.json", "--no-color", *options,
        ],
        cwd=home,
        env=_environment(url, items),
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def _environment(url: str, items: Items) -> dict[str, str]:
    # Only what it needs: it goes through all of it for every request, in search of a proxy.
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "TESTED_URL": url,
        "TESTED_ITEMS": json.dumps(items),
        # Its tables of characters take seconds to make.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(REPOSITORY / ".hypothesis"),
    }
