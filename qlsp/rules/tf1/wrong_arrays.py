"""QL407 wrong-arrays."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules.calls import CallFinding, CallRule, Usage, raises, told
from qlsp.rules.rule import Case
from qlsp.trace.graph import UNKNOWN
from qlsp.trace.program import Call

_MAKERS = {"from_frozen_graph": "names of operations", "from_session": "tensors"}
_ROLES = ("input", "output")
_PORT = ":0"
_REFUSED = raises("it raises")
_NO_STATISTICS = raises("`convert` raises")

_PROGRAM = """
import tensorflow.compat.v1 as tf

Converter = tf.lite.TFLiteConverter
converter = Converter.from_frozen_graph({})
tflite = converter.convert()
"""
_QUANTIZED = """
import tensorflow as tf

converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph("net.pb", ["image"], ["output"])
converter.inference_type = tf.uint8
converter.quantized_input_stats = {{"{}": (128, 127)}}
tflite = converter.convert()
"""


class WrongArrays(CallRule):
    """A converter of TensorFlow 1 is given input or output arrays that it can't find.

    ## What it does
    Finds in calls of `from_frozen_graph` names that end in `:0`, a string in place of a list, and
    `input_shapes` of what is no input array; in calls of `from_session` names in place of tensors;
    and `quantized_input_stats` that lack one of the input arrays.

    ## Why it matters
    The converter knows the first output of an operation by the operation's name, and goes through
    a string letter by letter: `ValueError: Invalid tensors 'image:0' were found.` `from_session`
    takes tensors, and raises on names. Shapes are for input arrays only, and where there are
    statistics, every input array needs its own: `Quantization input stats are not available for
    input tensors 'image'.` Measured with
    TensorFlow 1.15.5, 2.1.4, 2.8.4 and 2.21.0 (`tf.compat.v1.lite.TFLiteConverter`; the cases
    `TF 1 file` and `TF 1 session` of the evidence).

    ## How to fix it
    Name the operation, as in `["image"]`: its `tensor.op.name`.

    ## When it does not apply
    Whether the graph in a file has an operation of that name is not looked up: the source does
    not say what is in the file.

    ## References
    - [tf.compat.v1.lite.TFLiteConverter](https://www.tensorflow.org/api_docs/python/tf/compat/v1/lite/TFLiteConverter)
    """

    code = "QL407"
    name = "wrong-arrays"
    applicability = None
    workflows = ("float", "ptq", "qat", "tf1")
    bad = (
        Case(
            "names of tensors, not of operations",
            _PROGRAM.format('"net.pb", ["image:0"], ["output:0"]'),
            workflows=("tf1",),
        ),
        Case(
            "a string, not a list",
            _PROGRAM.format('"net.pb", "image", output_arrays="output"'),
            workflows=("tf1",),
        ),
        Case(
            "the shape of another array",
            _PROGRAM.format('"net.pb", ["image"], ["output"], {"input": [1, 9, 9, 3]}'),
            workflows=("tf1",),
        ),
        Case("statistics of another input", _QUANTIZED.format("input"), workflows=("tf1",)),
    )
    good = (
        Case(
            "names of operations",
            _PROGRAM.format('"net.pb", ["image"], ["output"], {"image": [1, 9, 9, 3]}'),
            workflows=("tf1",),
        ),
        Case(
            "the second output of an operation",
            _PROGRAM.format('"net.pb", ["image"], ["split:1"]'),
            workflows=("tf1",),
        ),
        Case("statistics of the input", _QUANTIZED.format("image"), workflows=("tf1",)),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every converter whose arrays are certainly wrong."""
        for call in usage.calls:
            if call.symbol == "converter.convert":
                yield from _without_statistics(usage, call)
            elif call.method in _MAKERS and "TFLiteConverter" in call.symbol:
                found = told(usage.toolchains, _REFUSED, "tf1")
                if found is not None:
                    for fault in _faults(call):
                        yield CallFinding(call, f"{fault}: {found.text}", found)


def _faults(call: Call) -> Iterator[str]:
    """What is wrong with the arrays of a call that makes a converter."""
    wanted = _MAKERS[call.method]
    for position, role in enumerate(_ROLES, 1):
        given = _argument(call, position, role)
        if isinstance(given, str) and len(given) > 1:
            yield f"{call.method} takes a list of {wanted}, not the string {given!r}"
            continue
        names = _names(given) or []
        if call.method == "from_session" and names:
            yield f"{call.method} takes {wanted}, not the name {names[0]!r}"
        elif call.method == "from_frozen_graph":
            yield from (_with_port(name) for name in names if name.endswith(_PORT))
    inputs = _names(_argument(call, 1, "input"))
    shapes = call.kwargs.get("input_shapes", call.args[3] if len(call.args) > 3 else None)
    if call.method == "from_frozen_graph" and isinstance(shapes, dict) and inputs is not None:
        others = (each for each in shapes if each not in inputs)
        yield from (f"`input_shapes` has {each!r}, which is no input array" for each in others)


def _with_port(name: str) -> str:
    operation = name.removesuffix(_PORT)
    return f"from_frozen_graph knows the tensor {name!r} as {operation!r}"


def _argument(call: Call, position: int, role: str) -> object:
    key = f"{role}_arrays" if call.method == "from_frozen_graph" else f"{role}_tensors"
    return call.args[position] if len(call.args) > position else call.kwargs.get(key)


def _names(given: object) -> list[str] | None:
    """The strings of a list that is known in full; None of one that isn't."""
    if not isinstance(given, tuple) or UNKNOWN in given:
        return None
    return [each for each in given if isinstance(each, str)]


def _without_statistics(usage: Usage, call: Call) -> Iterator[CallFinding]:
    """A conversion to 8 bits whose statistics lack one of the named inputs."""
    maker = next((each for each in usage.before(call) if each.gives(call.subject)), None)
    held = call.settings.get("quantized_input_stats")
    if maker is None or maker.method != "from_frozen_graph" or held is None:
        return
    inputs = _names(_argument(maker, 1, "input"))
    if call.subject is None or call.subject.lost or not isinstance(held.value, dict):
        return
    if inputs is None or not held.value:
        return
    missing = [each for each in inputs if each not in held.value]
    found = told(usage.toolchains, _NO_STATISTICS, "tf1")
    if missing and found is not None:
        message = f"`quantized_input_stats` lacks the input array {missing[0]!r}: {found.text}"
        yield CallFinding(call, message, found, held.site)
