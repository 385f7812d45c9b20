# matchwatch: everything a checkout needs. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
FAULT ?=
SEED ?=
PYTEST_ARGS ?=
LONG ?=
FAULTS ?=
NAMES ?=
WRITE ?=
BENCH ?=
RUNS ?=
SEARCHES ?=

# The first interpreter that is new enough and can make virtual environments; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	echo $$python; break; fi; done)

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --group build --extra embedded

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A stamp is newer than what it was made from; a second run finds nothing to do and downloads nothing.
$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "make: no Python 3.11 or newer with venv and ensurepip on the PATH; install python3 and python3-venv, or set PYTHON=" >&2; \
		exit 1; fi
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The build backend is in the lock, so the project itself is installed without build isolation and without the network.
$(VENV)/.base: requirements/base.txt pyproject.toml | $(VENV)/.made
	$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/base.txt
	$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base
	$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

$(VENV)/.train: requirements/train.txt $(VENV)/.dev
	$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/train.txt
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev ## make .venv with matchwatch and all that tests need

.PHONY: setup-train
setup-train: $(VENV)/.train ## add what `matchwatch train` needs (torch: some GB)

# The programs that `bench pipeline` is compared with have an environment of their own; see its requirements.in.
PEERS := tests/bench/peers
$(PEERS)/.venv/.made: $(PEERS)/requirements.txt | $(VENV)/.made
	$(VENV)/bin/python -m venv $(PEERS)/.venv
	$(PEERS)/.venv/bin/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --only-binary :all: -r $(PEERS)/requirements.txt
	@touch $@

.PHONY: setup-peers
setup-peers: $(PEERS)/.venv/.made ## make the environment of the programs that benches compare with

.PHONY: bench
bench: $(VENV)/.dev $(PEERS)/.venv/.made ## one table of all targets, measured here, in most of an hour; BENCH=name RUNS=n SEARCHES=n choose
	@exec $(BIN)/python -m streams.bench.table --out bench.json \
		$(foreach name,$(BENCH),--bench $(name)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(SEARCHES),--searches $(SEARCHES))

.PHONY: bench-detection
bench-detection: $(VENV)/.dev ## how soon and how rarely alarms come, into docs/detection.md; BENCH=name RUNS=n SEED=n choose
	@exec $(BIN)/python -m streams.bench.detection --write \
		$(foreach name,$(BENCH),--bench $(name)) $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

.PHONY: demo
demo: $(VENV)/.base ## from events to one alert, in three minutes; FAULT=none|NAME SEED=n change the story
	@exec $(BIN)/matchwatch demo $(if $(FAULT),--fault $(FAULT)) $(if $(SEED),--seed $(SEED))

.PHONY: test
test: $(VENV)/.dev ## all tests but the slow ones, on a real Kafka and Redis
	@exec $(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

RECORDS ?= 1000000

.PHONY: fuzz
fuzz: $(VENV)/.dev ## a million broken records through all stages, each accounted for; RECORDS=n SEED=n
	@exec $(BIN)/python -m tests.fuzz.run --records $(RECORDS) $(if $(SEED),--seed $(SEED))

.PHONY: test-faults
test-faults: $(VENV)/.dev ## break everything under load, fault by fault; LONG=1 soaks, FAULTS="..." chooses
	@exec $(BIN)/python -m pytest tests/faults -m faults --timeout 1200 $(if $(LONG),--long) \
		$(if $(FAULTS),-k "$(FAULTS)") $(PYTEST_ARGS)

.PHONY: test-mutations
test-mutations: $(VENV)/.dev ## switch each protection off and see that its test fails; NAMES="..." chooses, WRITE=1 into the docs
	@exec $(BIN)/python -m tests.faults.run_mutations $(if $(WRITE),--write) $(NAMES)

.PHONY: check
check: $(VENV)/.dev ## lint, format, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.dev ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Each lock is held to the versions of the one before it, so that adding tests or training changes no version.
.PHONY: lock
lock: $(VENV)/.dev ## write requirements/*.txt anew from pyproject.toml: exact versions and hashes, no URL
	$(BIN)/$(LOCK) --upgrade -o requirements/base.txt
	$(BIN)/$(LOCK) --upgrade --extra dev -c requirements/base.txt -o requirements/dev.txt
	$(BIN)/$(LOCK) --upgrade --extra dev --extra train -c requirements/dev.txt -o requirements/train.txt
