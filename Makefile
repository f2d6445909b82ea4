# The environment is made in .venv when a target needs it; `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
WARNINGS := -Wall -Wextra -Werror
export PYTHONUNBUFFERED := 1
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

demo: $(VENV)/.runtime ## diagnose a capture of fixtures/: a finding and the suggested lines
	@status=0; $(BIN)/pjsipdiag diagnose fixtures/demo/capture.pcap -c fixtures/demo/etc || status=$$?; \
	  [ $$status = 1 ] || { echo "the demo ended with status $$status, not with 1 (there are findings)" >&2; exit 1; }

# The tests of a file share its servers and captures.
SHARED := -n auto --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev system ## all tests
	$(BIN)/python -m pytest $(SHARED)

# Longer than the tests alone.
.PHONY: coverage
coverage: $(VENV)/.dev system ## lines and branches that the tests reach, in forked processes, too
	@rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/python -m coverage run -m pytest $(SHARED) $(TESTS)
	@$(BIN)/python -m coverage combine -q
	@$(BIN)/python -m coverage report

check: test lint ## tests, ruff, mypy

lint: $(VENV)/.dev warnings ## ruff, mypy, and the compiled parts without a warning
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# With -O2 the compiler sees more; -fsyntax-only would not.
warnings: $(VENV)/.dev
	@command -v cc >/dev/null || { echo 'no C compiler: warnings of the compiled parts are not looked for' >&2; exit 0; }; \
	for source in $(COMPILED); do \
	  cc -std=c11 -O2 -fPIC $(WARNINGS) -I"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')" -c -o /dev/null $$source || exit 1; \
	done

# A Debian python3 without python3-venv has no ensurepip.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "pjsipdiag needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 test" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/install 'without it Python makes no environment' python3-venv
	@.ci/quietly 'making an environment in $(VENV)' $(PYTHON) -m venv $(VENV)

COMPILED := pjsipdiag/capture/fast/_records.c pjsipdiag/capture/text/_needles.c pjsipdiag/diagnosis/calls/_fold.c

# An editable install compiles no modules ahead; where Python may not keep what it compiles, each start would do it anew.
$(VENV)/.runtime: pyproject.toml $(COMPILED) | $(VENV)/bin/python
	@.ci/quietly 'installing pjsipdiag in $(VENV)' $(PIP) install -e .
	@$(BIN)/python -m compileall -q pjsipdiag
	@touch $@

# The tests hold the compiled parts against Python, so they want a C compiler and Python's headers.
$(VENV)/.dev: pyproject.toml $(COMPILED) | $(VENV)/bin/python
	@command -v cc >/dev/null && $(BIN)/python -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || \
	  .ci/install 'the compiled parts are tested' gcc libc6-dev python3-dev || \
	  echo 'no C compiler or no Python.h: the tests of the compiled parts are skipped' >&2
	@.ci/quietly 'installing pjsipdiag and what tests it in $(VENV)' $(PIP) install -e '.[dev]'
	@$(BIN)/python -m compileall -q pjsipdiag
	@touch $@ $(VENV)/.runtime

# What the tests need from Debian: tshark is their second opinion, chromium shows the HTML report, patch takes the diffs,
# zsh and fish complete, tcpdump captures; OpenSSH, PostgreSQL and MariaDB are started by the tests themselves, in temporary folders: no unit
# and no cluster comes with them.
system:
	@command -v tshark >/dev/null && command -v chromium >/dev/null && command -v chromedriver >/dev/null && command -v patch >/dev/null && \
	  command -v zsh >/dev/null && command -v fish >/dev/null && command -v tcpdump >/dev/null && command -v sqlite3 >/dev/null || \
	  .ci/install 'the tests use them' tshark chromium chromium-driver patch zsh fish tcpdump sqlite3
	@[ -x /usr/sbin/sshd ] && command -v ssh >/dev/null || .ci/sshd
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && [ -x /usr/sbin/mariadbd ] && command -v my_print_defaults >/dev/null && command -v mariadb-dump >/dev/null || .ci/databases

page: $(VENV)/.runtime ## the page that runs in a browser, in build/page: captures and configuration are dropped on it
	@.ci/quietly 'building the page in build/page' $(BIN)/python -m pjsipdiag.page.build build/page
	@echo 'pjsipdiag serve shows it'

dist: $(VENV)/.dev ## sdist and wheel (abi3) in dist/
	@rm -rf dist
	@.ci/quietly 'building sdist and wheel' $(BIN)/python -m build --outdir dist
	@ls dist/*

fresh: ## a new machine: make demo and make test on a minimal Debian, SUITE=bookworm, trixie or sid (root)
	@.ci/fresh '$(SUITE)'

bench: $(VENV)/.dev ## time captures and logs against tcpdump, grep, sngrep and tshark; renews the figures in the README
	$(BIN)/python -m tests.bench --big --readme

differential: $(VENV)/.dev ## random cases and every repair against a real Asterisk (ASTERISK_ORACLE names the harness); N=200
	$(BIN)/python -m tests.differential --cases $(or $(N),200)
	$(BIN)/python -m tests.fixes

house: $(VENV)/.dev ## the code in figures: folders, modules, functions, complexity
	@$(BIN)/python -m tests.house

mutants: $(VENV)/.dev system ## how many of 210 small changes of meaning the tests notice; up to an hour
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[mutants]'
	$(BIN)/python -m tests.mutants

# atheris has wheels for x86-64 and some releases of Python; where there is none, inputs are changed blindly.
fuzz: $(VENV)/.dev ## look for input that a parser, or a whole run, does not survive; SECONDS=60 for all targets together
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) install --quiet atheris 2>/dev/null || true
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

sanitize: $(VENV)/.dev ## the compiled parts with address and undefined-behaviour sanitizers, under tests and the corpus
	.ci/sanitize $(BIN)/python

clean: ## remove the environment and caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help page demo test check lint house mutants warnings dist fresh bench differential fuzz sanitize system clean
