#!/bin/sh
# The main job on the examples: find the faults, fix a copy, convert before and after.
set -u
cd "$(dirname "$0")/.."
sh .ci/install.sh verify || exit
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r examples "$copy"

# Findings make lint exit with 1, which is what we want to see here; 2 is an error.
run() {
    printf '\n$ qlsp %s\n' "$*"
    .venv/bin/qlsp "$@" || [ $? -eq 1 ] || exit 2
}
run lint examples
run lint --fix --unsafe-fixes "$copy/examples"
run verify examples/keyword_spotting.py::build_model --workflow ptq,qat --fix --unsafe-fixes
