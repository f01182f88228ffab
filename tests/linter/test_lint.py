"""Diagnostics of whole documents."""

from __future__ import annotations

import pytest

from qlsp.diagnostic import Severity
from qlsp.linter import lint
from qlsp.settings import Settings
from qlsp.source.document import Document
from tests.rules.support import KERAS_3, NEWEST, TFMOT_05, TFMOT_06, dedent, found, settings

HELPER = """
    from tensorflow import keras
    from tensorflow.keras import layers

    def block(x, filters):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        return layers.BatchNormalization()(x)

    def build(size=8):
        inputs = keras.Input((size, size, 3))
        x = block(inputs, 4)
        x = block(x, 8)
        return keras.Model(inputs, x)
"""


def test_one_diagnostic_per_place() -> None:
    (diagnostic,) = found(HELPER, settings())
    assert diagnostic.message == (
        "BatchNormalization after Conv2D(activation='relu') cannot fold into it: "
        "ptq keeps MUL, ADD; quantize_model raises (2 layers)"
    )
    assert (diagnostic.code, diagnostic.severity) == ("QL101", Severity.ERROR)
    document = Document("model.py", dedent(HELPER))
    assert document.at(diagnostic.span) == "layers.BatchNormalization()"
    assert [(document.at(each.site.span), each.message) for each in diagnostic.related] == [
        ('layers.Conv2D(filters, 3, activation="relu")', "the activation"),
        ("block(inputs, 4)", "made by this call"),
        ("block(x, 8)", "made by this call"),
    ]


def test_the_place_of_a_layer_made_elsewhere_is_its_name() -> None:
    source = """
        from tensorflow import keras
        from tensorflow.keras import layers

        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3, activation="relu")
                self.norm = layers.BatchNormalization()

            def call(self, x, training=None):
                return self.norm(self.conv(x), training=training)
    """
    (diagnostic,) = found(source, settings("QL101"))
    assert Document("model.py", dedent(source)).at(diagnostic.span) == "self.norm"


def test_the_place_of_an_argument() -> None:
    source = """
        import tensorflow as tf
        model = tf.keras.Sequential([
            tf.keras.layers.Conv2D(4, 3, input_shape=(8, 8, 3), activation="relu6"),
        ])
    """
    (diagnostic,) = found(source, settings())
    assert Document("model.py", dedent(source)).at(diagnostic.span) == 'activation="relu6"'


RELU = """
    from tensorflow import keras
    from tensorflow.keras import layers
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU()(layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, x)
"""


def test_severity_follows_the_range_of_toolchains() -> None:
    def severities(*toolchains: object) -> list[Severity]:
        return [each.severity for each in found(RELU, settings("QL102", *toolchains))]  # type: ignore[arg-type]

    assert severities(TFMOT_05) == [Severity.WARNING]
    assert severities(TFMOT_05, TFMOT_06, NEWEST) == [Severity.INFORMATION]
    assert severities(TFMOT_06, NEWEST, KERAS_3) == []


def test_a_range_is_named_with_the_setting_that_decides_it() -> None:
    (diagnostic,) = found(RELU, settings("QL102", TFMOT_05, TFMOT_06, NEWEST))
    assert diagnostic.message == (
        "ReLU after Conv2D does not become part of it: qat keeps RELU (tfmot ≤ 0.5.0); "
        "set `tfmot` in [tool.qlsp] if that is not yours"
    )


def test_no_finding_outside_its_workflow() -> None:
    assert not found(RELU, settings("QL102", TFMOT_05, workflows=("ptq",)))
    assert not found(RELU, settings("QL102", TFMOT_05, workflows=("float",)))


def test_quantization_aware_training_is_judged_where_the_project_uses_it() -> None:
    source = """
        import tensorflow as tf
        model = tf.keras.Sequential([
            tf.keras.layers.Conv2D(4, 3, input_shape=(8, 8, 3), activation="relu6"),
        ])
    """
    chosen = Settings(toolchains=(NEWEST,), uses_tfmot=False)
    assert not found(source, chosen)
    imported = dedent(source) + "import tensorflow_model_optimization as tfmot\n"
    assert [each.code for each in found(imported, chosen)] == ["QL201"]
    assert [each.code for each in found(source, Settings(toolchains=(NEWEST,)))] == ["QL201"]


def test_code_for_another_keras_is_not_judged_by_old_toolchains() -> None:
    legacy = RELU.replace("from tensorflow import keras", "import tf_keras as keras").replace(
        "from tensorflow.keras", "from tf_keras"
    )
    assert not found(legacy, settings("QL102", TFMOT_05, NEWEST))


def test_a_syntax_error_is_one_diagnostic() -> None:
    text = "x = 1\nmodel = Sequential([\n"
    (diagnostic,) = lint(Document("model.py", text), Settings())
    assert (diagnostic.code, diagnostic.severity) == ("syntax-error", Severity.ERROR)
    assert diagnostic.span.line == 2


def test_silent_where_the_analysis_cannot_decide() -> None:
    source = """
        from tensorflow import keras
        from tensorflow.keras import layers
        from elsewhere import make_activation, Norm

        def build(activation, options, norm):
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3, activation=activation)(inputs)
            x = layers.BatchNormalization()(x)
            x = layers.Conv2D(4, 3, **options)(x)
            x = make_activation()(x)
            x = layers.BatchNormalization()(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.ReLU(max_value=options["limit"])(x)
            x = Norm()(x)
            return keras.Model(inputs, x)
    """
    assert not found(source, settings())


@pytest.mark.parametrize(
    "arms",
    [
        "if flag: x = layers.BatchNormalization()(x)",
        "if flag: x = layers.ReLU()(x)",
        "x = layers.ReLU()(x) if flag else x",
        """if flag:
                x = layers.ReLU()(x)
            else:
                x = layers.BatchNormalization()(x)""",
    ],
)
def test_silent_where_a_condition_decides_who_uses_a_layer(arms: str) -> None:
    source = f"""
        from tensorflow import keras
        from tensorflow.keras import layers

        def build(flag):
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            {arms}
            return keras.Model(inputs, layers.MaxPooling2D()(x))
    """
    assert not found(source, settings())


SUPPRESSED = """
    from tensorflow import keras
    from tensorflow.keras import layers

    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.BatchNormalization(
        momentum=0.9,
    )(x)  # qlsp: ignore[{rules}] kept for an old checkpoint
    model = keras.Model(inputs, x)
"""


def test_suppressed() -> None:
    for rules in ("QL101", "batchnorm-after-activation", "QL101, QL101"):
        assert not found(SUPPRESSED.format(rules=rules), settings())


def test_suppressions_that_do_nothing_are_found() -> None:
    def messages(rules: str, chosen: Settings) -> list[tuple[str, str]]:
        return [(each.code, each.message) for each in found(SUPPRESSED.format(rules=rules), chosen)]

    unused = ("QL001", "Unused suppression: QL102 finds nothing here")
    assert messages("QL101, QL102", settings()) == [unused]
    assert messages("QL102", settings())[1:] == [unused]
    unknown = ("QL001", "Unused suppression: there is no rule QL999")
    assert messages("QL101, QL999", settings()) == [unknown]
    # A rule that is not selected might have found something.
    assert messages("QL101", settings("QL102")) == []


def test_a_file_without_layers_is_only_asked_for_its_suppressions() -> None:
    (diagnostic,) = found("x = 1  # qlsp: ignore\n", Settings())
    assert diagnostic.message == "Unused suppression: nothing is found here"
    assert not found("x = 1\n", Settings())
