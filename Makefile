# make app    opens the dashboard on the sample shop, at 127.0.0.1 only
# make test   lint, type check and every test; what continuous integration runs
# make lint   ruff alone
# make bench  benchmarks beside other tools, each in a throw-away environment of its own; BENCH="tables --rounds 1" picks
# Each creates .venv and installs what it needs when that has not been done; a stamp named after the content of the
# requirements files makes the second time quick. On Windows use the plain pip lines of the README.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: app test lint bench
.DEFAULT_GOAL := app

PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
APP_READY := .venv/.app-$(shell cksum < requirements.txt | cut -d' ' -f1)
TEST_READY := .venv/.test-$(shell cat requirements.txt tests/requirements.txt | cksum | cut -d' ' -f1)
BROWSER_READY := .venv/.browser
TYPED := $(addprefix diagnostics/,schema errors.py config.py seeds.py messages stats dataset profile probe runs verdict report console.py commands.py __main__.py) models

app: $(APP_READY)
	$(PYTHON) -m streamlit run app.py

test: lint $(BROWSER_READY)
	$(PYTHON) -m mypy $(TYPED)
	$(PYTHON) -m pytest -n logical --maxprocesses 4 --dist loadfile

lint: $(TEST_READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

bench: $(TEST_READY)
	$(PYTHON) -m tests.bench $(BENCH)

$(PYTHON):
	@for python in python3.11 python3.12 python3.13 python3 python; do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
	    echo "Creating .venv with $$("$$python" --version)"; \
	    exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo "Tenbin needs Python 3.11 or newer with its venv module, and found none on the PATH." >&2; \
	echo "Install it from your system's packages (on Debian and Ubuntu: python3 and python3-venv)." >&2; \
	exit 1

$(APP_READY): | $(PYTHON)
	@echo "Installing what Tenbin needs; the first time takes a few minutes"
	$(PIP) -r requirements.txt
	@rm -f .venv/.app-*; touch $@

$(TEST_READY): | $(PYTHON)
	@echo "Installing what the tests need; the first time takes a few minutes"
	$(PIP) -r tests/requirements.txt
	@rm -f .venv/.test-*; touch $@

# The browser tests look for a Chromium themselves and skip with one line where there is none, so a failure here is no failure.
$(BROWSER_READY): | $(TEST_READY)
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif command -v apt-get > /dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2> /dev/null; }; then \
	  as_root=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
	  $$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq chromium > /dev/null; \
	else $(PYTHON) -m playwright install chromium; \
	fi || echo "No Chromium could be installed: the browser tests will be skipped."
	@touch $@
