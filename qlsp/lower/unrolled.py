"""A recurrent layer whose loop over time steps is written out.

Each step is the same ops again. The converter puts them in an order that follows from the names
of TensorFlow's nodes, which are numbered: `MatMul_10` stands before `MatMul_2`.
"""

from __future__ import annotations

from qlsp.lower.expansion import Expansion, UndecidedError
from qlsp.lower.operation import Operation


def unrolled_lstm(expansion: Expansion) -> Operation:
    """The ops of `LSTM(unroll=True)`, of its last step's output."""
    shape = expansion.shape()
    steps = shape[1] if shape is not None and len(shape) == 3 else None
    defaults = {
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "use_bias": True,
        "return_sequences": False,
        "return_state": False,
        "go_backwards": False,
    }
    if (
        not isinstance(steps, int)
        or expansion.static_batch
        or any(expansion.attr(key, value) != value for key, value in defaults.items())
    ):
        raise UndecidedError("an unrolled LSTM is not known in this form")
    cell = _Cell(expansion)
    for _ in range(steps):
        cell.step()
    return cell.output


class _Cell:
    """An LSTM cell and the state that it hands on."""

    def __init__(self, expansion: Expansion) -> None:
        self._expansion = expansion
        x = expansion.inputs[0]
        shape = self._named("Shape", "SHAPE", x)
        batch = self._named("strided_slice", "STRIDED_SLICE", shape)
        size = self._named("zeros/packed", "PACK", batch)
        self.output = self._state = self._named("zeros", "FILL", size, scalar=0.0, type="FLOAT32")
        transposed = self._named("transpose", "TRANSPOSE", x)
        self._steps = self._named("unstack", "UNPACK", transposed)
        # Keras 3 has called its cell once before.
        first = int(expansion.keras == 3)
        names = ("MatMul", "add", "BiasAdd", "split", "Sigmoid", "mul", "Tanh")
        self._count = dict.fromkeys(names, first)

    def step(self) -> None:
        """Append the ops of one time step."""
        bias = "add" if self._expansion.keras == 3 else "BiasAdd"
        given = self._next("MatMul", "FULLY_CONNECTED", self._steps, variable="matmul_r")
        kept = self._next("MatMul", "FULLY_CONNECTED", self.output, variable="matmul_1")
        total = self._next("add", "ADD", given, kept)
        total = self._next(bias, "ADD", total, variable=bias.lower())
        gates = self._next("split", "SPLIT", total)
        enter = self._next("Sigmoid", "LOGISTIC", gates)
        forget = self._next("Sigmoid", "LOGISTIC", gates)
        old = self._next("mul", "MUL", forget, self._state)
        new = self._next("mul", "MUL", enter, self._next("Tanh", "TANH", gates))
        self._state = self._next("add", "ADD", old, new)
        leave = self._next("Sigmoid", "LOGISTIC", gates)
        self.output = self._next("mul", "MUL", leave, self._next("Tanh", "TANH", self._state))

    def _next(self, name: str, op: str, *inputs: Operation, variable: str = "") -> Operation:
        number = self._count[name]
        self._count[name] += 1
        made = self._named(
            f"lstm_cell/{name}_{number}" if number else f"lstm_cell/{name}", op, *inputs
        )
        made.core = True
        made.variable = bool(variable)
        made.reads = variable
        return made

    def _named(
        self,
        label: str,
        op: str,
        *inputs: Operation,
        scalar: float | None = None,
        type: str | None = None,
    ) -> Operation:
        made = self._expansion.emit(op, *inputs, scalar=scalar, core=False, type=type)
        made.label = label
        return made
