# Coterie: the whole workflow. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
SERVE ?= 1
CUSTOMERS ?=
ROUNDS ?=
CASES ?= 20000
SEED ?= 1
N ?= 20000
KILLS ?= 40
STEPS ?= 20000
export COTERIE_HOME ?= .coterie
export PYTHONWARNINGS ?= ignore::RuntimeWarning:platformdirs

.DEFAULT_GOAL := help
.PHONY: help setup spark demo run test fuzz chaos check fmt bench docs lock stop clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 10

setup: $(VENV)/.ready ## Make the environment in .venv from the hash-pinned lock

$(VENV)/.ready: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || \
	  { echo "Coterie needs Python 3.11 or 3.12; say PYTHON=python3.11 make ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python cannot make virtual environments here; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

spark: setup $(VENV)/.spark ## Add Spark, the engine of features for shops that one machine cannot hold

$(VENV)/.spark: requirements/spark.txt $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/spark.txt
	@touch $@

# a real shop's data and the simulated shop do not share a home
demo: export COTERIE_HOME := $(if $(DATA),$(COTERIE_HOME)/$(basename $(notdir $(DATA))),$(COTERIE_HOME))
demo: setup ## Turn the whole ring and show it: [DATA=file] [SERVE=0] [CUSTOMERS=n] [ROUNDS=n] [PORT=8000]
	$(BIN)/python manage.py demo $(if $(DATA),--data "$(DATA)") $(if $(filter 0,$(SERVE)),--no-serve) \
	  $(if $(CUSTOMERS),--customers $(CUSTOMERS)) $(if $(ROUNDS),--rounds $(ROUNDS)) --port $(PORT)

run: setup ## Serve the web, the worker and beat: [PORT=8000]
	$(BIN)/python manage.py run --port $(PORT)

test: spark ## Run all tests against the embedded PostgreSQL and Valkey
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

fuzz: setup ## Ask the API 20,000 made-up requests (some 20 minutes): [CASES=n] [SEED=n]
	COTERIE_FUZZ_CASES=$(CASES) COTERIE_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest tests/gateway/test_fuzz.py -s --log-cli-level=ERROR

chaos: setup ## Kill, stop, cut and restart senders while N people are mailed, crash the database, and count: [N=20000] [KILLS=40] [STEPS=20000]
	COTERIE_CHAOS_RECIPIENTS=$(N) COTERIE_CHAOS_KILLS=$(KILLS) COTERIE_CHAOS_BLOWS=50 COTERIE_CHAOS_DATABASE=1 \
	  COTERIE_CHAOS_RESTARTS=100 COTERIE_CHAOS_WRITES=2000 COTERIE_CHAOS_REPORTS=10000 COTERIE_MACHINE_STEPS=$(STEPS) \
	  COTERIE_MACHINE_SEED=$${COTERIE_MACHINE_SEED:-$$(date +%s)} $(BIN)/python -m pytest -s \
	  tests/stories/test_kill.py tests/stories/test_storms.py tests/stories/test_withdrawal_races.py \
	  tests/stories/test_broker_faults.py tests/stories/test_upgrade.py tests/stories/test_restarts.py \
	  tests/stories/test_sending_machine.py tests/stories/test_all_at_once.py $(ARGS)

check: setup ## Lint, types, import contracts, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run

fmt: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Print the profit table of the benchmark (some minutes)
	$(BIN)/python -m benchmarks.loop --params regulars --customers 20000 --rounds 6 --seeds 10
	$(BIN)/python -m benchmarks.loop --params sparse --customers 20000 --rounds 6 --seeds 10

docs: setup ## Write the generated reference pages anew
	$(BIN)/python -m docs.generate

lock: setup ## Resolve requirements/*.in into hash-pinned requirements/*.txt
	$(BIN)/python -m pip install --quiet uv
	for name in app dev spark; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$name.in -o requirements/$$name.txt; done

stop: ## Stop embedded servers that a killed run left behind
	$(BIN)/python -c "from config import embedded; from core import clock; embedded.stop(clock.home())"

clean: stop ## Remove everything a run left (COTERIE_HOME)
	rm -rf "$(COTERIE_HOME)"
