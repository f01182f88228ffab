"""Convert published models for real, and keep what became of them.

    python -m benchmarks.published [NAME...] [--workflow float,ptq,qat] [--python INTERPRETER]
    python -m benchmarks.published [NAME...] --refusals [--python INTERPRETER]

`NAME` is part of a model's name. `INTERPRETER` has TensorFlow, tf_keras, tfmot and the packages
(default: `$QLSP_TENSORFLOW_PYTHON`, else this one). Every conversion is kept at once in `--store`,
and is not made again, so that an interrupted run goes on where it was. `--refusals` finds, for
models that `quantize_model` refused, all the layers that it refuses: that takes a round for each.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.published.measure import add_refusals, measure
from benchmarks.published.models import MODELS, Published
from benchmarks.published.store import DATA, WORKFLOWS, Store
from qlsp.error import QlspError
from qlsp.toolchain import Workflow
from tests.tensorflow import tensorflow_python


def main() -> int:
    """Measure what is missing; exits with 1 if a model could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--workflow", default="float,ptq,qat")
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--refusals", action="store_true")
    parser.add_argument("--store", type=Path, default=DATA)
    parser.add_argument("--seconds", type=float, default=600, help="limit for one model's steps")
    arguments = parser.parse_args()
    python = arguments.python or Path(tensorflow_python())
    wanted = [each for each in WORKFLOWS if each in arguments.workflow.split(",")]
    store = Store(arguments.store)
    failed = False
    for model in MODELS:
        if arguments.names and not any(name in model.name for name in arguments.names):
            continue
        try:
            if arguments.refusals:
                _find_refusals(model, python, arguments.seconds, store)
            else:
                _convert(model, wanted, python, arguments.seconds, store)
        except QlspError as error:
            failed = True
            print(f"{model.name}: not measured: {error}", flush=True)
    return int(failed)


def _convert(
    model: Published, wanted: list[Workflow], python: Path, seconds: float, store: Store
) -> None:
    known = store.read(model)
    missing = [each for each in wanted if known is None or each not in known["workflows"]]
    if not missing:
        return
    for record in measure(model, missing, python, seconds, known):
        store.write(model, record)
        workflow, conversion = next(reversed(record["workflows"].items()))
        error = conversion["error"]
        what = error[1] if error else f"{len(conversion['operators'])} ops"
        print(f"{model.name} {workflow}: {what}, {conversion['seconds']} s", flush=True)


def _find_refusals(model: Published, python: Path, seconds: float, store: Store) -> None:
    record = store.read(model)
    conversion = record and record["workflows"].get("qat")
    if record is None or conversion is None or conversion["refused"] is not None:
        return
    add_refusals(model, python, seconds, record)
    store.write(model, record)
    print(f"{model.name} qat: {len(conversion['refused'] or ())} layers refused", flush=True)


if __name__ == "__main__":
    sys.exit(main())
