# Parley. Every target makes .venv from the committed lock by itself; nothing needs root.
PYTHON ?= python3
PORT ?= 4200
SCALE ?= 1
SEED ?= 1
POINTS ?= 25
RANDOM ?= 500
DBT ?= 25
BIN := .venv/bin
READY := .venv/.ready
SPARK := .venv/.spark
BENCH := .venv/.bench
QUALITY := .venv/.quality
SERVERS := .venv/.servers
# From the lock, compiled once: where Python may not keep what it compiled, each command would compile it anew.
SYNC = $$(command -v uv || echo $(BIN)/uv) sync --quiet --frozen --inexact --compile-bytecode --python $(BIN)/python

.PHONY: demo test test-spark check format bench quality torture ui clean help

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## A shop, two days of it, and who hears from us and why
	@$(BIN)/parley demo

test: $(SERVERS) ## Every test
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --no-loadscope-reorder

test-spark: $(SPARK) ## The demo on a Spark cluster of its own, table by table the same
	@$(BIN)/pytest -rs tests/spark

check: $(READY) ## Lint, types, layering, SQL style, dbt parse
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests --processes 2 --disable-progress-bar
	$(BIN)/dbt parse --quiet --project-dir dbt_project --profiles-dir dbt_project \
		--target-path $(CURDIR)/.venv/dbt --log-path $(CURDIR)/.venv/dbt

format: $(READY) ## Put Python and SQL in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix dbt_project/models dbt_project/tests

bench: $(BENCH) ## How far from what the hardware allows, as ratios (SCALE=1)
	@$(BIN)/python -m tests.bench --scale $(SCALE)

quality: $(QUALITY) ## How good the beliefs are, on real data, beside the best known (PARTS=intent)
	@$(BIN)/python -m tests.quality $(PARTS) $(if $(LINES),--lines $(LINES) --as-of $(AS_OF))

torture: $(SERVERS) ## Kill it everywhere and count what got through (SEED=1 POINTS=25 RANDOM=500 DBT=25)
	@$(BIN)/python -m tests.torture --seed $(SEED) --points $(POINTS) --random $(RANDOM) --dbt $(DBT)

ui: $(READY) ## Prefect with everything deployed; Ctrl-C ends it
	@exec $(BIN)/parley ui --port $(PORT)

clean: ## Remove what can be made again; var/ is state and stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Parley needs Python 3.11 or newer, for example: make demo PYTHON=python3.12"; exit 1; }
	@if ! command -v uv >/dev/null; then \
		test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }; \
	fi
	@test -x $(BIN)/python || $$(command -v uv || echo $(BIN)/uv) venv --quiet --python $(PYTHON) .venv
	@$(SYNC)
	@touch $@

# Optional engines and tools: each adds its part of the lock.
$(SERVERS): $(READY)
	@$(SYNC) --group test
	@touch $@

$(SPARK): $(READY)
	@$(SYNC) --extra spark
	@touch $@

$(BENCH): $(READY)
	@$(SYNC) --group bench
	@touch $@

$(QUALITY): $(READY)
	@$(SYNC) --group quality
	@touch $@
