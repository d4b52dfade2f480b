# Two commands are all that is needed: `make run` serves, `make test` tests. Both set up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Schedules that `make simulate` plays.
SCHEDULES ?= 1000000

# Tests that `make test` runs side by side.
JOBS ?= 2

# Commands that `make parity` plays on each server.
STEPS ?= 1000000

# How long `make soak` plays.
MINUTES ?= 10

.PHONY: run test lint format parity mutants model simulate guards chaos recovery bench bench-quick soak profile fuzz docs clean

run: $(READY)
	@exec $(BIN)/haversack serve --demo $(ARGS)

# Where the environment forbids to keep what is compiled, each of the many processes would compile it anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

parity: $(READY)
	$(BIN)/python -m tests.parity.marathon --steps $(STEPS) $(ARGS)

mutants: $(READY)
	$(BIN)/python -m tests.mutants.run $(ARGS)

model: $(READY)
	$(BIN)/python -m tests.model $(ARGS)

simulate: $(READY)
	$(BIN)/python -m tests.simulation --schedules $(SCHEDULES) $(ARGS)

guards: $(READY)
	HAVERSACK_EVERY_GUARD=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/guards $(ARGS)

chaos: $(READY)
	$(BIN)/python -m tests.chaos $(ARGS)

recovery: $(READY)
	$(BIN)/python -m tests.chaos.recovery $(ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(READY)
	$(BIN)/python -m benchmarks --quick $(ARGS)

soak: $(READY)
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

profile: $(READY)
	$(BIN)/python -m benchmarks.profiling $(ARGS)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(ARGS)

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file docs/site/mkdocs.yml $(ARGS)

clean:
	rm -rf $(VENV) build dist

# pip learned to read dependency groups in 25.1. The marker comes last, so an installation that
# was cut off is begun again.
$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Haversack needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded,docs,tracing]' --group dev
	@touch $@
