"""The order in which the converter writes ops.

The converter imports TensorFlow's graph in reverse post-order of a depth-first walk that starts
at every node without inputs (weights, constants, placeholders) and visits nodes in descending
order of their names (`GetReversePostOrder` with a comparator by name, in TensorFlow's graph
importer). An op's name starts with its layer's, so parallel branches come out in the order of
their layers' names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qlsp.lower.behaviour import Behaviour, Version
from qlsp.lower.operation import WITH_CONSTANT, Operation
from qlsp.toolchain import Workflow

_LOWER_CASE: Version = (2, 6)
Key = tuple[str, int]
"""How a node of TensorFlow's graph compares: its name, and its place within the layer."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of TensorFlow's nodes, as far as their order depends on them."""

    model: str
    layers: Mapping[int, str]
    """The name of each node's layer."""
    places: Mapping[int, int]
    """The place of each op, by its id, among those of its layer."""
    input: str | None
    """What the model's inputs are called; None for the name of their layer."""
    flat_weights: bool
    """Whether weights are arguments of a function, whose names have no slashes."""

    def node(self, operation: Operation) -> Key:
        """The op itself."""
        if operation.name == "INPUT":
            return self.input or self.layers[operation.node], 0
        return f"{self.model}/{self.layers[operation.node]}/", self.places[id(operation)]

    def constant(self, operation: Operation) -> Key:
        """A constant operand of the op."""
        return self.node(operation)

    def weight(self, operation: Operation) -> Key:
        """A variable that the op reads."""
        if not self.flat_weights:
            return self.node(operation)
        # What follows the layer's name is the op's: a letter, which comes behind a digit.
        layer, variable = self.layers[operation.node], operation.reads or "w"
        flat = f"{self.model}_{layer}_{variable}".lower().replace("/", "_")
        return flat, self.places[id(operation)]


def naming(
    operations: Sequence[Operation],
    names: Mapping[int, str],
    behaviour: Behaviour,
    workflow: Workflow,
) -> Naming:
    """The names in a model whose layers are called `names`."""
    places = _places(operations, behaviour)
    if behaviour.keras == 3:
        return Naming("functional", names, places, "keras_tensor", True)
    flat = behaviour.tensorflow >= (2, 6)
    if workflow == "qat":
        wrapped = {node: f"quant_{name}" for node, name in names.items()}
        prefix = "model_quantize_layer_" if flat else "model/quantize_layer/"
        return Naming("model", wrapped, places, prefix, flat)
    return Naming("model", names, places, None, flat)


def _places(operations: Sequence[Operation], behaviour: Behaviour) -> dict[int, int]:
    """As they were made; those that have a label, by it, from some release on in lower case."""
    places = {id(each): place for place, each in enumerate(operations)}
    labelled = [each for each in operations if each.label]
    if labelled:
        is_lower = behaviour.tensorflow >= _LOWER_CASE
        ranks = sorted(places[id(each)] for each in labelled)
        labelled.sort(key=lambda each: each.label.lower() if is_lower else each.label)
        places |= {id(each): rank for each, rank in zip(labelled, ranks, strict=True)}
    return places


def is_chain(operations: Sequence[Operation], inputs: Sequence[Operation]) -> bool:
    """Whether each op has but one user, so that they have one order only."""
    return len(inputs) == 1 and all(
        len(each.users) < 2 and len(each.inputs) < 2 for each in [*inputs, *operations]
    )


def schedule(
    operations: Sequence[Operation], inputs: Sequence[Operation], names: Naming
) -> list[Operation]:
    """The ops in the converter's order."""
    roots: list[tuple[Key, Operation, bool]] = []
    for operation in operations:
        if operation.variable:
            roots.append((names.weight(operation), operation, False))
        if operation.name in WITH_CONSTANT or operation.scalar is not None:
            roots.append((names.constant(operation), operation, False))
        if operation.ranged:
            roots.append((names.weight(operation), operation, True))
    roots += [(names.node(each), each, each.ranged) for each in inputs]
    roots.sort(key=lambda root: root[0], reverse=True)
    finished: list[Operation] = []
    entered: set[int] = set()
    for _, operation, behind in roots:
        # A learned range has variables of its own: a root that stands behind its op.
        for start in _sorted(operation.users, names.node) if behind else (operation,):
            _walk(start, names.node, entered, finished)
    for operation in operations:
        _walk(operation, names.node, entered, finished)
    finished.reverse()
    return [each for each in finished if each.name != "INPUT"]


def _walk(
    start: Operation,
    key: Callable[[Operation], Key],
    entered: set[int],
    finished: list[Operation],
) -> None:
    if id(start) in entered:
        return
    entered.add(id(start))
    stack = [(start, _visits(start, key))]
    while stack:
        operation, users = stack[-1]
        for user in users:
            if id(user) not in entered:
                entered.add(id(user))
                stack.append((user, _visits(user, key)))
                break
        else:
            finished.append(operation)
            stack.pop()


def _visits(operation: Operation, key: Callable[[Operation], Key]) -> Iterator[Operation]:
    users = operation.users
    if operation.next is not None and operation.next not in users and not operation.next.dead:
        users = [*users, operation.next]
    return iter(_sorted(users, key))


def _sorted(
    operations: Sequence[Operation], key: Callable[[Operation], Key]
) -> Sequence[Operation]:
    """Descending by name."""
    if len(operations) < 2:
        return operations
    return sorted(operations, key=key, reverse=True)
