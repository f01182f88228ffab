"""From layers to ops: the state while a model is expanded, and what the tables use of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from qlsp.lower import activations
from qlsp.lower.behaviour import Behaviour
from qlsp.lower.lowering import ConversionError
from qlsp.lower.operation import INDEX_TYPES, WITH_CONSTANT, Operation
from qlsp.lower.programs import parse
from qlsp.lower.tfmot.quantize import Ranges
from qlsp.toolchain import Workflow
from qlsp.trace.graph import UNKNOWN, LayerGraph, Node, Shape, Symbol

_NO_RANGES = Ranges()


DYNAMIC_LIST = (
    "ConverterError",
    "'tf.TensorListReserve' op requires element_shape to be static during TF Lite "
    "transformation pass",
)
"""What the converter says of a loop over time steps on a batch of dynamic size."""


class UndecidedError(Exception):
    """A layer whose ops depend on an argument or shape that is not known."""


class RefusedError(Exception):
    """A layer with which the model can't be built or converted."""

    def __init__(self, stage: str, type: str, message: str, reason: str) -> None:
        super().__init__(message)
        self.stage = stage
        self.type = type
        self.message = message
        self.reason = reason

    @classmethod
    def dynamic_list(cls) -> RefusedError:
        """A loop over time steps needs a batch of fixed size."""
        return cls("convert", *DYNAMIC_LIST, "its time steps need a batch of fixed size")


class Expansion:
    """The model that becomes ops, one layer at a time."""

    def __init__(
        self,
        graph: LayerGraph,
        names: Mapping[int, str],
        behaviour: Behaviour,
        workflow: Workflow,
        ranges: dict[tuple[int, str], Ranges] | None,
        calibrated: bool,
        within_calls: frozenset[int] = frozenset(),
        *,
        expand: Callable[[Expansion], Operation],
    ) -> None:
        self.graph = graph
        self.expand = expand
        """What gives the op that produces the output of a function on tensors."""
        self.within_calls = within_calls
        """The nodes in the `call` of user-defined layers and models."""
        self.names = names
        """Keras's name of each node's layer."""
        self.behaviour = behaviour
        self.workflow = workflow
        self.ranges = ranges
        """QAT: where tfmot put ranges; None in other workflows."""
        self.calibrated = calibrated
        """Whether the converter gets representative data, and runs the model on it."""
        self.operations: list[Operation] = []
        self.values: dict[int, Operation] = {}
        """The op that produces each node's output."""
        self.undecided: dict[int, str] = {}
        self.errors: list[ConversionError] = []
        self.reasons: dict[int, str] = {}
        """Why a node raises."""
        self.notes: dict[int, str] = {}
        """Why a node needs more ops than it might."""
        self.applied: dict[tuple[object, ...], Operation] = {}
        """What a layer or function made of the same inputs before."""
        self.index = -1
        """The node that is expanded."""
        self.node: Node
        """That node, or the one within its function."""
        self.inputs: list[Operation] = []
        self.is_inlined = False
        """Whether the function of a layer is expanded."""

    @property
    def has_tensors(self) -> bool:
        """Whether the current node takes TensorFlow's tensors, under Keras 3 too."""
        return self.is_inlined or self.index in self.within_calls

    @property
    def keras(self) -> int:
        """Keras major version."""
        return self.behaviour.keras

    def since(self, major: int, minor: int) -> bool:
        """Whether TensorFlow is at least this release."""
        return self.behaviour.tensorflow >= (major, minor)

    # --- what the tables emit -------------------------------------------------------------

    def emit(
        self,
        name: str,
        *inputs: Operation,
        constant: bool = False,
        scalar: float | None = None,
        core: bool = True,
        type: str | None = None,
        detail: object = None,
    ) -> Operation:
        """Append an op of the current layer."""
        operation = Operation(
            name,
            self.index,
            inputs,
            constant=constant,
            scalar=scalar,
            core=core,
            type=type,
            detail=detail,
        )
        self.operations.append(operation)
        return operation

    def run(self, program: str, *inputs: Operation) -> Operation:
        """Append the ops of a program (see `programs.py`)."""
        made: list[Operation] = []
        for step in parse(program):
            operation = self.emit(
                step.op,
                *(made[each] if each >= 0 else inputs[-1 - each] for each in step.operands),
                constant=step.constant,
                core=not step.extra,
                type=step.type,
            )
            if operation.type in INDEX_TYPES and operation.type != "BOOL":
                operation.core = False
            if made:
                made[-1].next = operation
            made.append(operation)
        return made[-1] if made else inputs[0]

    def weighted(self, name: str, x: Operation, part: str = "", detail: object = None) -> Operation:
        """Append an op with weights."""
        operation = self.emit(name, x, detail=detail)
        operation.variable = True
        operation.weights = self.ranges_of(part).weights
        return operation

    def activate(self, x: Operation, value: object, part: str = "") -> Operation:
        """Append the activation that the current layer was given as `activation=value`."""
        ranges = self.ranges_of(part)
        if ranges.before:
            x.ranged = True
        x = self.function(x, value)
        if ranges.after:
            x.ranged = True
        return x

    def function(self, x: Operation, value: object) -> Operation:
        """Append the ops of an activation function."""
        own = self.node.function
        is_own = isinstance(value, Symbol) and activations.function_name(value) is None
        if own is not None and own.complete and is_own and self.ranges is None:
            return self.inline(own, x)
        if isinstance(value, str) and not activations.knows(value, self.behaviour):
            raise RefusedError(
                "build",
                "ValueError",
                _unknown_activation(value, self.behaviour),
                f"this Keras does not know the activation '{value}'",
            )
        name = activations.function_name(value)
        if name is None or value is UNKNOWN:
            raise UndecidedError("its activation is not known")
        op = activations.unsupported(name, self.behaviour)
        if op is not None:
            raise self.no_kernel(op, f"the converter has no op for {name}")
        rank = None if self.node.shape is None else len(self.node.shape)
        program = activations.program(name, self.behaviour, rank)
        if program is None:
            raise UndecidedError(f"the activation {name} is not known")
        return self.run(program, x)

    def no_kernel(self, op: str, reason: str) -> RefusedError:
        """The converter has nothing for a TensorFlow op."""
        message = f"'tf.{op}' op is neither a custom op nor a flex op"
        if not self.since(2, 3):
            message = "See console for info."
        return RefusedError("convert", "ConverterError", message, reason)

    def inline(self, graph: LayerGraph, x: Operation) -> Operation:
        """Append the ops of a function of the current layer on `x`."""
        outer = self.graph, self.node, self.inputs
        values: dict[int, Operation] = {}
        self.graph, self.is_inlined = graph, True
        try:
            for node in graph.nodes:
                if node.kind == "input":
                    values[node.index] = x
                elif node.kind == "op":
                    self.node = node
                    self.inputs = [values[each] for each in node.inputs]
                    values[node.index] = self.expand(self)
                else:
                    raise UndecidedError(f"its function applies {node.cls}")
        finally:
            self.graph, self.node, self.inputs = outer
            self.is_inlined = False
        return values[(graph.outputs or ())[0]]

    def ranges_of(self, part: str = "") -> Ranges:
        """Where tfmot put ranges in the current layer."""
        if self.ranges is None:
            return _NO_RANGES
        return self.ranges.get((self.node.layer, part), _NO_RANGES)

    # --- what the tables ask --------------------------------------------------------------

    def attr(self, key: str, default: Any = None) -> Any:
        """A decided argument of the current layer. Raises `UndecidedError`."""
        value = self.node.attr(key, default)
        if value is UNKNOWN:
            raise UndecidedError(f"its {key} is not known")
        return value

    def shape(self, position: int = 0) -> Shape | None:
        """Shape of an input of the current layer."""
        return self.graph.nodes[self.node.inputs[position]].shape

    def rank(self, position: int = 0) -> int | None:
        """Rank of an input, batch axis included."""
        shape = self.shape(position)
        return None if shape is None else len(shape)

    @property
    def repeats(self) -> bool:
        """Whether a layer that has a learned range is computed for each of its applications."""
        return self.ranges is not None and not self.since(2, 15)

    @property
    def static_batch(self) -> bool:
        """Whether the batch axis of the (first) input has a fixed size.

        The older converter fixes it to one.
        """
        if not self.since(2, 3):
            return True
        shape = self.shape()
        return bool(shape) and isinstance(shape[0], int)  # type: ignore[index]

    @property
    def may_be_static(self) -> bool:
        """Whether nothing is known of the batch axis: a function is given a tensor."""
        shape = self.shape()
        if shape is not None and shape[:1] != (UNKNOWN,):
            return False
        inputs = [node.shape for node in self.graph.nodes if node.kind == "input"]
        return all(each is None or each[:1] != (None,) for each in inputs)

    @property
    def constants_first(self) -> bool:
        """Whether the converter comes upon the layer's constants before it comes upon its input.

        It then orders the ops of a layer that has several branches otherwise; see `order.py`.
        """
        if self.keras == 3 or self.ranges is not None:
            return False
        own = f"model/{self.names[self.index]}/"
        seen = set(map(id, self.inputs))
        pending = list(self.inputs)
        while pending:
            operation = pending.pop()
            if any(root > own for root in self._roots(operation)):
                return False
            for each in operation.inputs:
                if id(each) not in seen:
                    seen.add(id(each))
                    pending.append(each)
        return True

    def _roots(self, operation: Operation) -> Iterator[str]:
        """Names of the nodes without inputs from which TensorFlow's graph leads to `operation`."""
        name = self.names[operation.node]
        if operation.name == "INPUT":
            yield name
        if operation.variable:
            yield f"model_{name}_" if self.since(2, 6) else f"model/{name}/"
        if operation.name in WITH_CONSTANT or operation.scalar is not None:
            yield f"model/{name}/"


def _unknown_activation(name: str, behaviour: Behaviour) -> str:
    if behaviour.tensorflow >= (2, 15):
        return f"Unknown activation function '{name}' cannot be deserialized."
    if behaviour.tensorflow < (2, 5):
        return f"Unknown activation function:{name}"
    return (
        f"Unknown activation function: {name}. Please ensure this object is passed to the "
        "`custom_objects` argument. See "
        "https://www.tensorflow.org/guide/keras/save_and_serialize#registering_the_custom_object "
        "for details."
    )


def pair(value: object) -> tuple[Any, Any]:
    """A `kernel_size`-like argument of a layer of images: one number stands for both axes."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 2:
            return value[0], value[1]
        raise UndecidedError("its window is not known")
    return value, value
