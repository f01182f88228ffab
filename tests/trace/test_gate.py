import ast
from pathlib import Path

import pytest

from qlsp.trace.gate import LAYERS, builds_layers, may_build_layers
from qlsp.trace.keras.data import load


def passes(source: str) -> tuple[bool, bool]:
    return may_build_layers(source.encode()), builds_layers(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\ntf.keras.layers.Conv2D(1, 3)",
        "from keras.layers import Conv2D as C\nC(1, 3)",
        "from tensorflow.keras.layers import *\nConv2D(1, 3)",
        "def block(x, layers):\n    return layers.BatchNormalization()(x)",
        "import tensorflow as tf\nConv = getattr(tf.keras.layers, 'Conv2D')",
        "import tensorflow.contrib.slim as slim\nslim.conv2d(x, 1, 3)",
        "import tensorflow_model_optimization as tfmot\ntfmot.quantization.keras.quantize_model(m)",
        "import tensorflow as tf\nc = tf.lite.TFLiteConverter.from_saved_model('m')",
        "import keras\nmodel = keras.Sequential(parts())",
        "import tensorflow as tf\nclass Net(tf.keras.Model):\n    pass",
        "from functools import partial\nfrom keras import layers\nC = partial(layers.Conv2D, 1)",
    ],
)
def test_whatever_could_build_layers_passes(source: str) -> None:
    assert passes(source) == (True, True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", (False, False)),
        ("import os\nprint(os.name)", (False, False)),
        ("class Dense(Base):\n    Input = 1", (False, True)),
        ("import torch.nn as nn\nnn.Linear(1, 2)", (False, False)),
        ("import tensorflow as tf\nprint(tf.__version__)", (False, False)),
        ('"""How to use keras.layers.Conv2D."""\nimport keras', (False, False)),
        ("'''Not \\'''Conv2D\n\"\"\"'''\nimport keras", (False, False)),
        ("import keras  # Conv2D\n", (False, False)),
        ("import keras\nx = 'a Conv2D layer'", (False, False)),
        ("from keras.layers import Conv2D\n__all__ = ['conv']", (True, False)),
    ],
)
def test_what_builds_nothing_is_stopped(source: str, expected: tuple[bool, bool]) -> None:
    assert passes(source) == expected


@pytest.mark.parametrize(
    "before",
    [
        "x = '#'",
        "x = '\"\"\"'; y = \"'''\"",
        "# it's",
        '# """',
        "x = r'\\d'; y = rb'a\\d'",
        "x = 'a\\\\'",
        "x = 'a\\\nb'",
        'x = """a\\""""""',
        'x = """a""b"""',
        "x = '' + \"\"",
        "x = f\"{d['a']}\"",
    ],
)
def test_code_after_a_string_is_seen(before: str) -> None:
    assert passes(f"import keras\n{before}\nkeras.layers.Conv2D(1, 3)") == (True, True)


def test_code_after_what_is_never_closed_is_seen() -> None:
    assert may_build_layers(b"import keras\nx = 'a\ny = \"b\nkeras.layers.Conv2D(1, 3)")


def test_no_file_of_keras_that_builds_layers_is_stopped() -> None:
    keras = pytest.importorskip("keras")
    files = sorted(Path(keras.__file__).parent.rglob("*.py"))[::10]
    building = [file for file in files if builds_layers(ast.parse(file.read_bytes()))]
    assert building and all(may_build_layers(file.read_bytes()) for file in building)


@pytest.mark.parametrize("section", ["keras2", "keras3"])
def test_every_layer_that_computes_is_known(section: str) -> None:
    data = load(section)  # type: ignore[arg-type]
    bases: dict[str, list[str]] = data["bases"]
    weighty = {"Conv", "Dense", "Depthwise", "Separable", "Normalization", "Pool", "ReLU", "ELU"}
    expected = {
        name for name in (*bases, *data["aliases"]) if any(part in name for part in weighty)
    }
    assert expected and expected <= LAYERS
