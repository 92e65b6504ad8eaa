venv := .venv
stamp := $(venv)/.ready

setup: $(stamp)

$(stamp): requirements.lock pyproject.toml
	test -x $(venv)/bin/python || python3 -m venv $(venv)
	$(venv)/bin/python -m pip install -q --require-hashes -r requirements.lock
	$(venv)/bin/python -m pip install -q --no-deps --no-build-isolation -e .
	touch $@

demo: $(stamp)
	$(venv)/bin/nav demo

test: $(stamp)
	$(venv)/bin/python -m pytest

check: $(stamp)
	$(venv)/bin/ruff format --check .
	$(venv)/bin/ruff check .
	$(venv)/bin/mypy

.PHONY: setup demo test check
