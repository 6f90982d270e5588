# Parley. Every target makes .venv from the committed lock by itself; nothing needs root.
PYTHON ?= python3
PORT ?= 4200
SCALE ?= 1
BIN := .venv/bin
READY := .venv/.ready
SPARK := .venv/.spark
BENCH := .venv/.bench
SERVERS := .venv/.servers

.PHONY: demo test test-spark check format bench quality ui clean help

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## A shop, a day of it, and who hears from us and why
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

quality: $(READY) ## How good the beliefs are, on labelled data, beside the best known
	@$(BIN)/python -m tests.quality

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
	@uv=$$(command -v uv || echo $(BIN)/uv); \
		test -x $(BIN)/python || $$uv venv --quiet --python $(PYTHON) .venv; \
		$$uv sync --quiet --frozen --inexact --python $(BIN)/python
	@touch $@

# Optional engines and tools: each adds its part of the lock.
$(SERVERS): $(READY)
	@$$(command -v uv || echo $(BIN)/uv) sync --quiet --frozen --inexact --group test --python $(BIN)/python
	@touch $@

$(SPARK): $(READY)
	@$$(command -v uv || echo $(BIN)/uv) sync --quiet --frozen --inexact --extra spark --python $(BIN)/python
	@touch $@

$(BENCH): $(READY)
	@$$(command -v uv || echo $(BIN)/uv) sync --quiet --frozen --inexact --group bench --python $(BIN)/python
	@touch $@
