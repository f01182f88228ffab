"""Measures patterns within a toolchain's own interpreter (Python 3.7 and later).

Run as a script with the folder of `qlsp.verify.runner` and a file to append to; the jobs come
as JSON on standard input. One line is written when a cell begins and one when it ends, so that
the caller knows which cell took the process down.
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Callable  # noqa: UP035 (Python 3.7)

Line = Any
Write = Callable[[Line], None]


def main(runner: str, journal: str) -> None:
    """Measure the jobs of standard input, a list of `{pattern, source, workflows}`."""
    load(runner)
    jobs = json.load(sys.stdin)
    with Path(journal).open("a", encoding="utf-8") as stream:

        def write(line: Line) -> None:
            stream.write(json.dumps(line) + "\n")
            stream.flush()

        write({"versions": versions()})
        for job in jobs:
            if "tf1" in job["workflows"]:
                importlib.import_module("runner_tf1").measure(job, write)
            else:
                measure(job, write)


def load(folder: str) -> None:
    """Make the package in `folder` importable as `qlsp_runner`."""
    spec = importlib.util.spec_from_file_location(
        "qlsp_runner", folder + "/__init__.py", submodule_search_locations=[folder]
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["qlsp_runner"] = module
    spec.loader.exec_module(module)


def part(name: str) -> Any:
    """A module of `qlsp_runner`."""
    return importlib.import_module("qlsp_runner." + name)


def versions() -> dict[str, Any]:
    """What this interpreter has."""
    import tensorflow as tf

    conversion = part("conversion")

    return {
        "python": sys.version.split()[0],
        "tensorflow": tf.__version__,
        "tfmot": conversion.tfmot_version(),
    }


def measure(job: dict[str, Any], write: Write) -> None:
    """Build the job's model once and convert it by each of the job's workflows."""
    conversion = part("conversion")

    model: Any = None
    examples: Any = None
    failure: Any = None
    for workflow in job["workflows"]:
        write({"begin": [job["pattern"], workflow]})
        if model is None and failure is None:
            try:
                model, examples = build(job["source"])
            except Exception as error:
                failure = conversion.Failure.of("build", error)
        line = {"pattern": job["pattern"], "workflow": workflow, "digest": job["digest"]}
        if failure is None:
            with_data = workflow == "qat_data"
            converted = conversion.convert(
                model, "qat" if with_data else workflow, examples, with_data
            )
            line.update(outcome(model, converted))
        else:
            line.update(failed(failure))
        write(line)


def build(source: str) -> Any:
    """The model that a pattern's module makes, with weights as after training, and examples."""
    data = part("data")

    names: dict[str, Any] = {}
    exec(compile(source, "pattern.py", "exec"), names)
    names["keras"].backend.clear_session()
    data.seed_everything()
    model = names["build"]()
    data.randomize(model)
    return model, data.sample(data.input_specs(model))


def outcome(model: Any, converted: Any) -> dict[str, Any]:
    """A conversion as the journal keeps it."""
    layers = {"layers": describe(model)}
    if converted.quantized is not None:
        layers["quantized"] = describe(converted.quantized)
    if converted.failure is not None:
        return {**layers, **failed(converted.failure)}
    return {**layers, "model": base64.b64encode(converted.content).decode("ascii")}


def failed(failure: Any) -> dict[str, Any]:
    """A failure as the journal keeps it."""
    return {"error": [failure.type, failure.stage, failure.message]}


def describe(model: Any) -> list[Any]:
    """Per layer its name, class, and the names of the layers it takes its inputs from."""
    members = {id(layer) for layer in model.layers}
    return [
        [
            layer.name,
            type(layer).__name__,
            sorted({source.name for source in sources(layer) if id(source) in members}),
        ]
        for layer in model.layers
    ]


def sources(layer: Any) -> list[Any]:
    """The layers whose outputs `layer` takes; Keras 2 and 3."""
    found = []
    for node in layer._inbound_nodes:
        if hasattr(node, "parent_nodes") and not hasattr(node, "inbound_layers"):
            found += [parent.operation for parent in node.parent_nodes]
        else:
            inbound = node.inbound_layers
            found += list(inbound) if isinstance(inbound, (list, tuple)) else [inbound]
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
