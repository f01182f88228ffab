"""Models that are TensorFlow graphs without Keras: a SavedModel's signature, a frozen graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from .conversion import find_toco, version
from .data import InputSpec
from .loading import BuilderError
from .saved import reaches_out, refusal

_FAKE_QUANT = "FakeQuant"


class GraphModel:
    """A graph with its inputs and outputs, which converts and runs."""

    def __init__(self, name: str, specs: list[InputSpec], function: Any, graph: Any) -> None:
        self.name = name
        self.specs = specs
        self._function = function
        """Concrete function; None before TensorFlow 2."""
        self._graph = graph
        """Frozen graph, and the names of its inputs and outputs; None for a SavedModel."""
        self.quantized = any(_FAKE_QUANT in op for op in self._ops())

    def _ops(self) -> list[str]:
        if self._graph is not None:
            return [node.op for node in self._graph[0].node]
        definition = self._function.graph.as_graph_def()
        functions = [node for each in definition.library.function for node in each.node_def]
        return [node.op for node in [*definition.node, *functions]]

    def converter(self, workflow: str) -> Any:
        """A converter; with `workflow` `tf1` that of TensorFlow 1, told to quantize."""
        import tensorflow as tf

        if workflow != "tf1" and self._function is not None:
            return tf.lite.TFLiteConverter.from_concrete_functions([self._function])
        if self._graph is None:
            raise BuilderError("workflow tf1 needs a frozen graph (.pb)")
        definition, inputs, outputs = self._graph
        converter = tf.compat.v1.lite.TFLiteConverter(
            definition, *_tensors(tf, definition, inputs, outputs, self.specs)
        )
        find_toco()
        if workflow == "tf1":
            signed = version() >= (2, 3)
            converter.inference_type = tf.int8 if signed else tf.uint8
            stats = (0.0, 127.0) if signed else (128.0, 127.0)  # both mean -1 to 1
            converter.quantized_input_stats = dict.fromkeys(inputs, stats)
        return converter

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """The outputs, like a Keras model's."""
        import tensorflow as tf

        arrays = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        if self._function is None:
            return self._run(tf, arrays)
        found = self._function(*[tf.constant(array) for array in arrays])
        return list(found.values()) if isinstance(found, dict) else found

    def _run(self, tf: Any, arrays: Sequence[Any]) -> list[Any]:
        """The outputs in a TensorFlow without functions."""
        definition, inputs, outputs = self._graph
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.import_graph_def(definition, name="")
            feed = {name + ":0": array for name, array in zip(inputs, arrays)}
            return list(session.run([name + ":0" for name in outputs], feed))


def _tensors(
    tf: Any, definition: Any, inputs: list[str], outputs: list[str], specs: list[InputSpec]
) -> tuple[list[Any], list[Any]]:
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    taken = [graph.get_tensor_by_name(name + ":0") for name in inputs]
    for tensor, spec in zip(taken, specs):
        tensor.set_shape([1 if size is None else size for size in spec.shape])
    return taken, [graph.get_tensor_by_name(name + ":0") for name in outputs]


def saved_model(path: Path) -> GraphModel:
    """The serving signature of a SavedModel. Raises `BuilderError` if it has none."""
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise BuilderError(f"{path.name}: TensorFlow can't load it: {text}") from None
    signatures = dict(loaded.signatures)
    if not signatures:
        raise BuilderError(f"{path.name}: the SavedModel has no signature to convert")
    function = signatures.get("serving_default") or next(iter(signatures.values()))
    function._qlsp_owner = loaded  # its variables live as long as it does
    named = function.structured_input_signature[1]
    owned = [tensor for tensor in function.inputs if tensor.dtype != tf.resource]
    names = [tensor.name.split(":")[0] for tensor in owned]
    specs = [
        _spec(name, tensor.shape, tensor.dtype)
        for name, tensor in zip(names, owned)
        if name in named or len(owned) == len(named)
    ]
    return GraphModel(path.name, specs, _positional(tf, function, specs), None)


def _positional(tf: Any, function: Any, specs: list[InputSpec]) -> Any:
    """The signature as a function that takes its inputs in order."""

    def call(*inputs: Any) -> Any:
        return function(**{spec.name: each for spec, each in zip(specs, inputs)})

    signature = [tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in specs]
    concrete = tf.function(call).get_concrete_function(*signature)
    concrete._qlsp_owner = function
    return concrete


def frozen_graph(
    path: Path, inputs: Sequence[str], outputs: Sequence[str], trust: bool = False
) -> GraphModel:
    """The graph in a `.pb` file. Inputs and outputs not named are found.

    Raises `BuilderError` for a damaged file, for names that are not there, and without `trust`
    for an operation that reads or writes files or runs Python.
    """
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(path.read_bytes())
    except Exception as error:
        raise BuilderError(f"{path.name}: not a frozen graph, or a damaged one ({error})") from None
    if not definition.node:
        raise BuilderError(f"{path.name}: the graph has no nodes")
    if not trust:
        _check_safe(path, definition)
    nodes = {node.name: node for node in definition.node}
    found = [node.name for node in definition.node if node.op == "Placeholder"]
    taken = list(inputs) or found
    given = list(outputs) or _ends(definition)
    for name in (*taken, *given):
        if name not in nodes:
            known = ", ".join(found[:5] if name in taken else _ends(definition)[:5])
            kind = "inputs" if name in taken else "outputs"
            raise BuilderError(f"{path.name}: no node '{name}'; its {kind} are {known}")
    if not taken or not given:
        raise BuilderError(f"{path.name}: no inputs found: name them with --inputs and --outputs")
    specs = [_placeholder(tf, nodes[name]) for name in taken]
    function = None
    if version() >= (2, 0):
        function = _pruned(tf, path, definition, taken, given)
        specs = [
            _spec(spec.name, tensor.shape, tensor.dtype)
            for spec, tensor in zip(specs, function.inputs)
        ]
    return GraphModel(path.stem, specs, function, (definition, taken, given))


def _check_safe(path: Path, definition: Any) -> None:
    functions = [node for each in definition.library.function for node in each.node_def]
    for node in [*definition.node, *functions]:
        if reaches_out(node.op):
            raise BuilderError(refusal(path, node.op))


def _pruned(tf: Any, path: Path, definition: Any, inputs: list[str], outputs: list[str]) -> Any:
    def call() -> None:
        tf.graph_util.import_graph_def(definition, name="")

    try:
        whole = tf.compat.v1.wrap_function(call, [])
        return whole.prune([name + ":0" for name in inputs], [name + ":0" for name in outputs])
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise BuilderError(f"{path.name}: TensorFlow can't load it: {text}") from None


def _ends(definition: Any) -> list[str]:
    """Nodes whose results nothing takes, constants and checks left out."""
    used = {name.lstrip("^").split(":")[0] for node in definition.node for name in node.input}
    skipped = {"Const", "NoOp", "Assert", "Placeholder"}
    return [
        node.name
        for node in definition.node
        if node.name not in used and node.op not in skipped and node.input
    ]


def _placeholder(tf: Any, node: Any) -> InputSpec:
    shape = node.attr["shape"].shape
    known = not shape.unknown_rank and bool(shape.dim)
    sizes = tuple(None if each.size < 0 else int(each.size) for each in shape.dim)
    dtype = tf.as_dtype(node.attr["dtype"].type or 1).name
    return InputSpec(node.name, sizes if known else (None,), dtype)


def _spec(name: str, shape: Any, dtype: Any) -> InputSpec:
    if shape.rank is None:
        raise BuilderError(f"the shape of input '{name}' is not known: give it with --input")
    sizes = tuple(None if size is None else int(size) for size in shape.as_list())
    return InputSpec(name, sizes, str(dtype.name))
