# Two commands do everything: `make demo` and `make test`. Both make their own environment in .venv.
PY := .venv/bin/python
SHELL := /bin/bash

.PHONY: demo test check ui clean lock

demo: .venv/.ready ## set up, then take two nights of a small made-up district through the whole pipeline into data/
	.venv/bin/fudata demo

test: .venv/.ready ## set up, then run every test
	$(PY) -m pytest -n 2 --dist loadfile

check: .venv/.ready ## lint, types, architecture, catalog
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(PY) -m pytest fudata_pipeline_tests/test_architecture.py
	.venv/bin/fudata catalog check

ui: .venv/.ready ## Dagster's UI on http://127.0.0.1:3000
	DAGSTER_HOME=$(CURDIR)/dagster_home .venv/bin/dagster dev -w workspace.yaml

lock: ## resolve pyproject.toml again into requirements.lock (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --no-emit-index-url --no-annotate --no-header \
		--upgrade pyproject.toml -o requirements.lock

clean: ## remove what the pipeline wrote (samples stay)
	rm -rf .district
	find data -mindepth 1 -maxdepth 1 ! -name samples -exec rm -rf {} +

.venv/.ready: requirements.lock pyproject.toml
	@if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python '>=3.11,<3.15' .venv && \
		uv pip install --quiet --python $(PY) -r requirements.lock && \
		uv pip install --quiet --python $(PY) --no-deps -e . ; \
	else \
		python3 -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 15) else f"Python 3.11 to 3.14 is needed, python3 is {v[0]}.{v[1]}")' && \
		python3 -m venv .venv && \
		$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock && \
		$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e . ; \
	fi
	@touch $@
