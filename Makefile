# Everything a newcomer needs: `make demo`, `make test`. Law: every target makes what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo demo-distributed test test-long services services-down lint vocabulary reference benchmark clean

help:
	@echo "make demo             set up and run the three stories against the service in one process"
	@echo "make demo-distributed the same against a gateway and a coordinator, on a RabbitMQ and a MongoDB of their own"
	@echo "make test             set up and run lint and every test, with a RabbitMQ and a MongoDB of their own"
	@echo "make test-long        the failures that take long to provoke: servers hung, wiped, everything killed"
	@echo "make services         start RabbitMQ and MongoDB for development, print their URLs; make services-down"
	@echo "make setup            make $(VENV) and install; leaves $(BIN)/workflowsvc"
	@echo "make lint             ruff, strict types, import rules"
	@echo "make vocabulary       generate workflowsvc/swf from botocore's model"
	@echo "make reference        the SDK's API reference, from its docstrings, as HTML in build/reference"
	@echo "make benchmark        executions per second of the service in one process"

$(VENV)/.installed: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

setup: $(VENV)/.installed

demo: setup
	$(BIN)/python -m examples.demo

demo-distributed: setup
	$(BIN)/python -m examples.demo --distributed

test: lint
	scripts/test

test-long: setup
	scripts/test -m long tests/failures

services:
	@scripts/services up .services

services-down:
	@scripts/services down .services

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

vocabulary: setup
	$(BIN)/python scripts/vocabulary.py

reference: setup
	$(BIN)/python scripts/reference.py build/reference

benchmark: setup
	$(BIN)/python -m benchmarks.executions

clean:
	rm -rf $(VENV) build dist
