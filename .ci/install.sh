#!/bin/sh
# Make .venv with this checkout and the pinned packages of the named extras: install.sh verify,dev
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if [ ! -x .venv/bin/python ]; then
    if ! "$python" -m venv .venv 2>/dev/null; then
        # Debian keeps venv in a package of its own.
        rm -rf .venv
        apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv
        "$python" -m venv .venv
    fi
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable ".[$1]"
