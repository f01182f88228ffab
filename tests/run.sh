#!/bin/sh
# Install what the tests need, then run all of them: style, types, imports, fast tests, slow tests.
set -eu
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; }

step install
sh .ci/install.sh verify,dev
sh tests/editors/setup.sh
PATH=$PWD/.venv/bin:$PATH

step style, types, imports
ruff format --check .
ruff check .
mypy
lint-imports

step tests
pytest -m "not slow"
pytest -m slow
