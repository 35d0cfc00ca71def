# Every command a person or CI needs. `make` alone prints them.
#
# One virtual environment, .venv, serves all: `make run` fills it with what requirements.txt pins, `make test` and the
# rest with requirements-dev.txt, which holds the same pins and more. It is filled again only when a lock has changed.

VENV   ?= .venv
PYTHON ?= $(shell for c in python3.11 python3.12 python3.13 python3.14 python3 python; do \
              $$c -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$c; break; }; done)
ARGS   ?=

BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCK := $(BIN)/uv pip compile -q --python $(BIN)/python --universal --python-version 3.11 --generate-hashes \
            --no-emit-index-url --no-emit-find-links --no-header

# One more than there are cores, since many tests wait for a server; four at most, as each has servers of its own.
TESTERS := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ $$n -lt 3 ] && echo $$((n + 1)) || echo 4)

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test e2e bench faults interop fuzz check check-lock lock migrate clean

help: ## show these lines
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.runtime ## start the whole gateway here (SQLite, simulator; state in var/)
	@$(BIN)/python app.py

install: $(VENV)/.runtime ## make .venv with what the gateway needs to run

install-dev: $(VENV)/.development ## make .venv with the test tools too

test: $(VENV)/.development ## run the tests; ARGS='-k name' goes to pytest
	@$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(ARGS)

e2e: $(VENV)/.development ## run only the tests that start real servers
	@$(BIN)/python -m pytest tests/e2e $(ARGS)

bench: $(VENV)/.development ## measure; ARGS names what (see bench/)
	@$(BIN)/python -m bench $(ARGS)

faults: $(VENV)/.development ## every fault of every far end against its connector; ARGS='--kinds smpp --faults never'
	@$(BIN)/python -m bench catalogue $(ARGS)

interop: $(VENV)/.development ## the SMPP connector against SMSCs of others (npm, Jasmin; needs RabbitMQ and Redis)
	@$(BIN)/python -m tests.interop $(ARGS)

fuzz: $(VENV)/.development $(VENV)-fuzz/.ready ## random requests by the OpenAPI document; ARGS='--seconds 60 --tag bulk'
	@$(BIN)/python -m tests.fuzz $(VENV)-fuzz/bin/schemathesis $(ARGS)

check: $(VENV)/.development ## style, types, import rules, lock files
	@echo "ruff";         $(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@echo "mypy";         $(BIN)/mypy --no-error-summary
	@echo "import rules"; $(BIN)/python -m pytest -q --no-header --no-summary -p no:cacheprovider tests/unit/test_imports.py >$(VENV)/imports.log \
	    || { cat $(VENV)/imports.log; exit 1; }
	@$(MAKE) --no-print-directory check-lock

# Compiles over a copy, so pins that still satisfy the .in files stay and a new release elsewhere changes nothing.
check-lock: $(VENV)/.development
	@echo "lock files"; work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT; \
	for name in requirements requirements-dev requirements-fuzz; do \
	    cp $$name.txt $$work/$$name.txt; \
	    $(LOCK) $$name.in -o $$work/$$name.txt >/dev/null || { echo "Could not compile $$name.in; this step needs the package index." >&2; exit 1; }; \
	    for side in . $$work; do sed -e '/^ *#/d' $$side/$$name.txt >$$work/$$(test $$side = . && echo ours || echo fresh); done; \
	    diff -u --label "$$name.txt as committed" --label "$$name.txt as $$name.in asks" $$work/ours $$work/fresh \
	        || { echo "$$name.txt does not match $$name.in: run 'make lock' and commit both." >&2; exit 1; }; \
	done

lock: $(VENV)/.development ## write the lock files again; ARGS=--upgrade moves to the newest releases
	@for name in requirements requirements-dev requirements-fuzz; do echo "Compiling $$name.in"; $(LOCK) $(ARGS) $$name.in -o $$name.txt >/dev/null || exit 1; done

migrate: $(VENV)/.runtime ## bring the configured database to the newest schema
	@$(BIN)/dragoman migrate $(ARGS)

clean: ## remove .venv and caches; var/ (your data) stays
	@rm -rf $(VENV) $(VENV)-fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info .coverage htmlcov
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# A dangling link to a removed Python counts as absent here, so the environment is then made anew.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Dragoman needs Python 3.11 or later and found none. If you have one: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    || { echo "$(PYTHON) is no Python 3.11 or later." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# A lock with hashes may not name a folder, so the checkout itself is installed in a second step that needs no network.
define install
	@echo "Installing what $(1) pins"
	@$(PIP) install --require-hashes -r $(1)
	@$(PIP) install --no-deps --no-build-isolation -e .
endef

$(VENV)/.runtime: requirements.txt setup.cfg pyproject.toml | $(BIN)/python
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.development: requirements-dev.txt requirements.txt setup.cfg pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.runtime

# schemathesis brings some thirty packages that nothing else needs, so it has an environment of its own.
$(VENV)-fuzz/.ready: requirements-fuzz.txt | $(BIN)/python
	@echo "Making $(VENV)-fuzz"
	@$(BIN)/python -m venv --clear $(VENV)-fuzz
	@$(VENV)-fuzz/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements-fuzz.txt
	@touch $@
