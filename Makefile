# Parley. Every target makes .venv from the committed lock by itself; nothing needs root.
PYTHON ?= python3
PORT ?= 4200
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check format ui clean help

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## A shop, a day of it, and who hears from us and why
	@$(BIN)/parley demo

test: $(READY) ## Every test
	@$(BIN)/pytest

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
