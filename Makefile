# Two commands: `make run` starts Switchboard, `make test` checks everything. Each works from a fresh clone.

.NOTPARALLEL:
.PHONY: run test dev machine lint format types layers templates migrations deploy sqlite postgres locks pictures icons schema

PYTHON := .venv/bin/python
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

# The first Python here that is new enough; says so where there is none.
define INSTALL
for python in python3 python3.13 python3.12 python3.11 python3.14; do \
  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
    exec "$$python" scripts/install.py $(1); \
  fi; \
done; \
echo "Switchboard needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1)" >&2; exit 1
endef

run:
	@$(call INSTALL,base)
	@exec $(PYTHON) manage.py serve

test: dev machine format lint types layers templates migrations deploy sqlite postgres
	@echo "== All checks passed"

# --- One check each -------------------------------------------------------------------------------
dev:
	@$(call INSTALL,dev)

machine: dev
	@$(PYTHON) scripts/machine.py

format: dev
	@echo "== Format (ruff format)"
	@$(PYTHON) -m ruff format --check --quiet .

lint: dev
	@echo "== Lint (ruff)"
	@$(PYTHON) -m ruff check --quiet .

types: dev
	@echo "== Types (mypy, strict)"
	@$(PYTHON) -m mypy .

layers: dev
	@echo "== Layers (import-linter)"
	@$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

templates: dev
	@echo "== Templates (djlint)"
	@$(PYTHON) -m djlint --quiet --lint --check templates practice/templates

migrations: dev
	@echo "== Migrations (makemigrations --check)"
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemigrations --check --dry-run

deploy: dev
	@echo "== Settings (check --deploy)"
	@DJANGO_SETTINGS_MODULE=tests.settings PUBLIC_URL=https://switchboard.example.com \
	  $(PYTHON) manage.py check --deploy --fail-level WARNING

sqlite: dev
	@echo "== Tests on SQLite"
	@TEST_DATABASE=sqlite $(PYTHON) -m pytest -q -n $(WORKERS)

# Journeys and peers talk to servers and browsers, whose database changes nothing: they run once, above. So
# do files that ask for no database (tests/conftest.py).
postgres: dev
	@echo "== Tests on PostgreSQL"
	@TEST_DATABASE=postgres $(PYTHON) -m pytest -q -n $(WORKERS) -m "not journey and not peer"

# --- Now and then ---------------------------------------------------------------------------------
locks: dev
	@cd requirements && for set in base dev node; do \
	  ../$(PYTHON) -m uv pip compile $$set.in -o $$set.txt --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet $(UPGRADE) || exit 1; \
	done

schema: dev
	@SCHEMA_EXAMPLES=100 TEST_DATABASE=sqlite $(PYTHON) -m pytest -q tests/api/test_schema.py

pictures: dev machine
	@$(PYTHON) scripts/screenshots.py

icons:
	@python3 scripts/icons.py
