# Each target is one command. `make run` and `make test` need Python 3.11 or newer and nothing else.
# Tests that start real processes depend on how busy the machine is: a failed test is tried again, twice at most, and said.
PYTHON ?= python3
BIN := .venv/bin
export OASIS_KERNEL_CACHE ?= $(CURDIR)/.numba_cache

.PHONY: run test check bench campaign differential docs images lock clean

run: .venv/ready
	$(BIN)/oasis up

test: .venv/ready node_modules/ready check docs
	$(BIN)/python -m pytest -m "not slow" --reruns 2 --durations=15 && $(BIN)/python -m pytest -m slow --reruns 2 --durations=40 && $(BIN)/python -m pytest --nbval notebooks -o addopts="" -W ignore

check: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: .venv/ready
	$(BIN)/python -m bench && $(BIN)/python -m bench.ground_up && $(BIN)/python -m bench.net

differential: .venv/ready
	DIFFERENTIAL_EXAMPLES=300 $(BIN)/python -m pytest -m differential tests/differential -rs --durations=0

campaign: .venv/ready
	OASIS_KILLS=20 $(BIN)/python -m pytest tests/faults/test_same_bytes.py -rs --durations=0

docs: .venv/ready
	$(BIN)/zensical build --clean --strict

images:
	images/build

lock: .venv/ready
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-emit-index-url --output-file requirements.lock pyproject.toml

# Bytecode of all that is installed would take a minute, and a fifth of it is ever used: Python makes it when it is.
.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) tools/check_python.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch .venv/ready

# What only tests need from npm. Without npm, or where it reaches no registry, these tests say so and are skipped.
node_modules/ready: package-lock.json
	if command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || echo "npm ci failed: tests of accessibility will be skipped"; fi
	mkdir -p node_modules && touch node_modules/ready

clean:
	rm -rf .venv .numba_cache node_modules site build
