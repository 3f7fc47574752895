# Two commands do all the set-up: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIP ?=

.PHONY: help demo test lint system clean

help:
	@echo "make demo          set edgevid up in $(VENV) and label a clip (CLIP=my.mp4 for your own)"
	@echo "make test          everything the tests need, then the tests"
	@echo "make clean         take away what these made"

demo: $(VENV)/runtime
	$(BIN)/python -m edgevid.demo $(if $(CLIP),--clip "$(CLIP)")

test: lint
	$(BIN)/python -m pytest

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What pip cannot bring: on Debian and its kin it is installed, elsewhere it is taken to be there.
SYSTEM := python3-venv libgl1 libglib2.0-0
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

system:
	@if ! command -v apt-get >/dev/null; then exit 0; fi; \
	missing=""; \
	for package in $(SYSTEM); do \
	    dpkg -l $$package $${package}t64 2>/dev/null | grep -q '^ii' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "installing$$missing"; \
	    $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends $$missing; \
	fi

$(VENV)/bin/python:
	$(MAKE) system
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) out
