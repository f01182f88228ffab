"""Predict the lowering of tf_keras.applications, measure it, and tell where the two differ.

    python -m benchmarks.applications [NAME...] [--python INTERPRETER] [--workflow float,ptq]

`INTERPRETER` has TensorFlow, tf_keras and tfmot (default: `$QLSP_TENSORFLOW_PYTHON`,
else this one). Each model
is built with random weights at its smallest input. Exits with 1 if an op list or error differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from difflib import SequenceMatcher
from pathlib import Path

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower import lower
from qlsp.source.document import Document
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace import Project, trace_builder
from qlsp.verify.measurement import Measurement
from qlsp.verify.process import Limits
from qlsp.verify.session import Session, Target
from qlsp.verify.verify import open_model
from tests.tensorflow import tensorflow_python

APPLICATIONS = {
    "VGG16": ("vgg16", 32),
    "MobileNet": ("mobilenet", 32),
    "MobileNetV2": ("mobilenet_v2", 32),
    "MobileNetV3Small": ("mobilenet_v3", 32),
    "ResNet50": ("resnet", 32),
    "ResNet50V2": ("resnet_v2", 32),
    "DenseNet121": ("densenet", 32),
    "EfficientNetB0": ("efficientnet", 32),
    "InceptionV3": ("inception_v3", 75),
    "Xception": ("xception", 71),
    "NASNetMobile": ("nasnet", 224),
}
"""Per model the file that makes it and its smallest input, in pixels."""
_SECONDS = 600
"""How long a conversion may take."""


def main() -> int:
    """Print a line per model and workflow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--workflow", default="float,ptq")
    arguments = parser.parse_args()
    python = arguments.python or tensorflow_python()
    differs = False
    for name in arguments.names or APPLICATIONS:
        for workflow in arguments.workflow.split(","):
            differs |= not compare(name, workflow, Path(python))
    return int(differs)


def compare(name: str, workflow: Workflow, python: Path) -> bool:
    """Whether a model converts as predicted; prints what is different."""
    file, pixels = APPLICATIONS[name]
    site = next(python.parent.parent.glob("lib/python3*/site-packages"))
    path = site / "tf_keras" / "src" / "applications" / f"{file}.py"
    settings = {"weights": None, "input_shape": (pixels, pixels, 3)}
    graph = trace_builder(Document.read(str(path)), name, Project(str(site)), settings)
    measured, toolchain = _measure(name, workflow, python, pixels)
    if measured is None:
        print(f"{name} {workflow}: not measured")
        return False
    start = time.perf_counter()
    predicted = lower(graph, workflow, toolchain)
    seconds = time.perf_counter() - start
    wanted, got = [str(op) for op in measured.ops], [str(op) for op in predicted.ops]
    same = wanted == got and (measured.error is None) == (predicted.error is None)
    print(
        f"{name} {workflow}: {len(graph.flat.nodes)} layers lowered in {1000 * seconds:.0f} ms, "
        f"{len(wanted)} ops {'as predicted' if same else 'not as predicted'}"
    )
    for tag, start_, end, other, last in SequenceMatcher(None, got, wanted, False).get_opcodes():
        if tag != "equal":
            print(f"  {start_}: predicted {got[start_:end]}, measured {wanted[other:last]}")
    for kind, error in (("predicted", predicted.error), ("measured", measured.error)):
        if error is not None:
            print(f"  {kind} {error.type}: {error.message[:200]}")
    return same


def _measure(
    name: str, workflow: Workflow, python: Path, pixels: int
) -> tuple[Measurement | None, Toolchain]:
    """Convert the model in the interpreter; None if it can't be done in time."""
    source = (
        f"from tf_keras.applications import {name}\n\n\n"
        f"def build():\n    return {name}(weights=None, input_shape=({pixels}, {pixels}, 3))\n"
    )
    interpreter = Interpreter(python, "--python")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.py")
        path.write_text(source, encoding="utf-8")
        with Session(interpreter, Limits(_SECONDS, 0), lambda text: None) as session:
            versions, model = open_model(session, Target(path, "build"), interpreter)
            toolchain = Toolchain(versions.tensorflow, model.keras, versions.tfmot)
            try:
                outcome = session.convert(workflow)
            except QlspError:
                return None, toolchain
            return Measurement.of(outcome, model, toolchain), toolchain


if __name__ == "__main__":
    sys.exit(main())
