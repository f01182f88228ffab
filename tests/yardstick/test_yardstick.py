"""The tracer gives the very graphs that Keras builds for the published architectures.

`digests.json` holds a digest of each graph of the two `applications` packages, written by
`python -m tests.yardstick.digests` from what Keras builds. The traced graphs are compared with it
here, all of them; a sample is built anew. `python -m benchmarks.tracer` builds them all.
"""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import pytest

from qlsp.source.document import Document
from qlsp.trace import Project
from tests.tensorflow import tensorflow_python
from tests.yardstick.compare import digest, first_difference, measured_layers, traced_layers
from tests.yardstick.digests import APPLICATIONS, DIGESTS
from tests.yardstick.renaming import renamed
from tests.yardstick.running import measure
from tests.yardstick.sets import Model, ModelSet
from tests.yardstick.tracing import Traced, site_of, trace_document, trace_model

pytestmark = pytest.mark.slow

SAMPLE = {
    "tf_keras.applications 2.21": ["ConvNeXtTiny", "EfficientNetB0", "MobileNetV3Small", "VGG16"],
    "keras.applications 3.15": ["DenseNet121", "EfficientNetV2B0", "MobileNetV2", "NASNetMobile"],
}
FAMILIES = [
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2",
    "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "RegNetX002",
    "RegNetY002", "ResNet50", "ResNet50V2", "ResNetRS50", "VGG16", "Xception",
]  # fmt: skip


EXPECTED: dict[str, dict[str, str]] = json.loads(DIGESTS.read_text())


@functools.cache
def site(models: ModelSet) -> Path:
    return site_of(models, Path(tensorflow_python()), Path())


@functools.cache
def jobs(models: ModelSet) -> dict[str, Model]:
    return {model.name: model for model in models.list(site(models))}


def digest_of(traced: Traced, models: ModelSet) -> str:
    assert traced.graph is not None, traced.error
    assert traced.graph.complete, traced.graph.holes[0]
    return digest(traced_layers(traced.graph, 3 if models.keras == "keras" else 2))


@pytest.mark.parametrize("models", APPLICATIONS, ids=lambda models: models.name)
def test_no_constructor_is_left_out(models: ModelSet) -> None:
    assert list(jobs(models)) == list(EXPECTED[models.name])


@pytest.mark.parametrize(
    ("models", "name"),
    [(models, name) for models in APPLICATIONS for name in EXPECTED[models.name]],
    ids=lambda value: getattr(value, "name", value),
)
def test_traced_graph_is_that_of_keras(models: ModelSet, name: str) -> None:
    traced = trace_model(jobs(models)[name], models, site(models))
    assert digest_of(traced, models) == EXPECTED[models.name][name]


@pytest.mark.parametrize("models", APPLICATIONS, ids=lambda models: models.name)
def test_digests_are_those_of_keras(models: ModelSet, tmp_path: Path) -> None:
    sample = [jobs(models)[name] for name in SAMPLE[models.name]]
    python = Path(tensorflow_python())
    built = measure(models, sample, python, tmp_path, tmp_path / "built.json")
    for job in sample:
        layers = measured_layers(built[job.name]["layers"])
        traced = trace_model(job, models, site(models)).graph
        assert traced is not None
        keras = 3 if models.keras == "keras" else 2
        assert first_difference(traced_layers(traced, keras), layers) is None
        assert digest(layers) == EXPECTED[models.name][job.name]


@pytest.mark.parametrize("family", FAMILIES)
def test_names_in_the_source_do_not_matter(family: str, tmp_path: Path) -> None:
    models = APPLICATIONS[0]
    model = jobs(models)[family]
    path = site(models) / f"{model.module.replace('.', '/')}.py"
    shutil.copytree(path.parent, tmp_path / path.parent.relative_to(site(models)))
    text = renamed(path.read_text(encoding="utf-8"), frozenset({model.builder, "weights"}))
    document = Document(str(tmp_path / "architecture.py"), text)
    traced = trace_document(document, model, Project(tmp_path))
    assert digest_of(traced, models) == EXPECTED[models.name][family]
