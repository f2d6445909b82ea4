# The environment is made in .venv when a target needs it; `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

demo: $(VENV)/.runtime ## diagnose a capture of fixtures/: a finding and the suggested lines
	@$(BIN)/pjsipdiag diagnose fixtures/demo/capture.pcap -c fixtures/demo/etc || [ $$? = 1 ]

test: $(VENV)/.dev system ## all tests
	$(BIN)/python -m pytest -n auto

check: test lint ## tests, ruff, mypy

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A Debian python3 without python3-venv has no ensurepip.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "pjsipdiag needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 test" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { command -v apt-get >/dev/null && echo 'installing python3-venv with apt-get: without it Python makes no environment' && $(SUDO) apt-get update -qq && $(APT) python3-venv >/dev/null; } || { echo 'install the package python3-venv, then call make again' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

COMPILED := pjsipdiag/capture/fast/_records.c pjsipdiag/diagnosis/calls/_fold.c

# An editable install compiles no modules ahead; where Python may not keep what it compiles, each start would do it anew.
$(VENV)/.runtime: pyproject.toml $(COMPILED) | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@$(BIN)/python -m compileall -q pjsipdiag
	@touch $@

# The tests hold the compiled parts against Python, so they want a C compiler and Python's headers.
$(VENV)/.dev: pyproject.toml $(COMPILED) | $(VENV)/bin/python
	@command -v cc >/dev/null && $(BIN)/python -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || { \
	  command -v apt-get >/dev/null && echo 'installing gcc, libc6-dev and python3-dev with apt-get: the compiled parts are tested' && $(SUDO) apt-get update -qq && $(APT) gcc libc6-dev python3-dev >/dev/null; } || \
	  echo 'no C compiler or no Python.h: the tests of the compiled parts are skipped' >&2
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m compileall -q pjsipdiag
	@touch $@ $(VENV)/.runtime

# What the tests need from Debian: tshark is their second opinion, chromium shows the HTML report, patch takes the diffs.
system:
	@command -v tshark >/dev/null && command -v chromium >/dev/null && command -v chromedriver >/dev/null && command -v patch >/dev/null || { \
	  command -v apt-get >/dev/null && echo 'installing tshark, chromium, chromium-driver and patch with apt-get: the tests use them' && $(SUDO) apt-get update -qq && \
	  echo 'wireshark-common wireshark-common/install-setuid boolean false' | $(SUDO) debconf-set-selections && \
	  $(APT) --no-install-recommends tshark chromium chromium-driver patch >/dev/null; } || { \
	  echo 'the tests need tshark, chromium, chromedriver and patch: install the packages tshark, chromium, chromium-driver and patch' >&2; exit 1; }

bench: $(VENV)/.dev ## time captures of up to 4 GB against tcpdump, sngrep and tshark; renews the README's table
	$(BIN)/python -m tests.bench --big --readme

differential: $(VENV)/.dev ## random cases and every repair against a real Asterisk (ASTERISK_ORACLE names the harness); N=200
	$(BIN)/python -m tests.differential --cases $(or $(N),200)
	$(BIN)/python -m tests.fixes

clean: ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help demo test check lint bench differential system clean
