"""What the source says of arrays: type, shape, and whether they are random numbers.

Only what an expression certainly gives counts; whatever else it may be is left open.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qlsp.source.imports import Imports

_FLOAT64_NOISE = frozenset(
    [
        *("normal", "rand", "randn", "random", "random_sample", "ranf", "sample"),
        *("standard_normal", "uniform"),
    ]
)
_DIMENSIONS_AS_ARGUMENTS = frozenset(["rand", "randn"])
_FIRST_IS_SHAPE = frozenset(
    ["random", "random_sample", "ranf", "sample", "standard_normal", "zeros", "ones", "empty"]
)
_GENERATORS = ("numpy.random.default_rng", "numpy.random.RandomState")
_TF_NOISE = frozenset(
    f"tensorflow.{path}"
    for path in ("random.normal", "random.uniform", "random.truncated_normal", "random_uniform")
)
_TF_FILLED = frozenset(["tensorflow.zeros", "tensorflow.ones"])
_TF_ARRAYS = frozenset(
    f"tensorflow.{name}"
    for name in ("cast", "constant", "convert_to_tensor", "expand_dims", "reshape", "stack")
)
_KEEPS_TYPE = frozenset(["expand_dims", "reshape", "squeeze", "transpose", "clip", "abs"])
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Array:
    """An expression that is certainly one array or tensor."""

    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    random: bool = False


class Reader:
    """Reads the expressions of one function."""

    def __init__(self, imports: Imports, scope: ast.AST) -> None:
        self._imports = imports
        self._scope = scope

    def array(self, node: ast.expr, depth: int = _DEPTH) -> Array | None:
        """What an expression is, if it is certainly an array."""
        if depth <= 0:
            return None
        match node:
            case ast.Call():
                return self._call(node, depth)
            case ast.Name():
                value = self.value(node)
                return self.array(value, depth - 1) if value is not None else None
            case ast.Subscript(value=base, slice=index):
                inner = self.array(base, depth - 1)
                return _indexed(inner, index)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                return self._arithmetic(node, left, depth)
        return None

    def value(self, name: ast.Name) -> ast.expr | None:
        """What is assigned to a variable, if that is done once, and nothing else binds it."""
        bound = list(self._bindings(name.id))
        match bound:
            case [ast.Assign(targets=[ast.Name()], value=value)]:
                return value
        return None

    def iterated(self, name: ast.Name) -> ast.expr | None:
        """What a `for` loop takes the variable from, if nothing else binds it."""
        bound = list(self._bindings(name.id))
        match bound:
            case [ast.For(target=ast.Name(), iter=iterable)]:
                return iterable
        return None

    def target(self, node: ast.expr) -> str:
        """The dotted name that a callee stands for, by the document's imports."""
        return self._imports.target(node) or ""

    def is_dataset(self, node: ast.expr) -> bool:
        """Whether an expression is a `tf.data.Dataset` of single tensors."""
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            path = self.target(node.func)
            if path.startswith("tensorflow.data.Dataset.from_tensor"):
                return bool(node.args) and not isinstance(node.args[0], ast.Tuple | ast.Dict)
            if node.func.attr not in ("batch", "take", "shuffle", "repeat", "prefetch", "cache"):
                return False
            node = node.func.value
        return False

    def _bindings(self, name: str) -> Iterator[ast.AST]:
        for node in ast.walk(self._scope):
            if isinstance(node, ast.arg) and node.arg == name:
                yield node
            elif isinstance(node, ast.Assign | ast.For | ast.AugAssign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(_stores(target, name) for target in targets):
                    yield node
            elif isinstance(node, ast.withitem | ast.comprehension | ast.NamedExpr):
                target = node.optional_vars if isinstance(node, ast.withitem) else node.target
                if target is not None and _stores(target, name):
                    yield node

    def _call(self, node: ast.Call, depth: int) -> Array | None:
        path = self.target(node.func)
        name = path.rpartition(".")[2]
        if path.startswith("numpy.random."):
            return self._noise(node, name)
        if path.startswith("numpy."):
            return self._numpy(node, name, depth)
        if path in _TF_NOISE or path in _TF_FILLED:
            shape = _shape(_argument(node, 0, "shape"))
            dtype = _argument(node, None, "dtype")
            known = self._dtype(dtype) if dtype is not None else "float32"
            return Array(known, shape, path in _TF_NOISE)
        if path in _TF_ARRAYS:
            inner = self.array(node.args[0], depth - 1) if node.args else None
            dtype = _argument(node, 1 if name in ("cast", "constant") else None, "dtype")
            known = self._dtype(dtype) if dtype is not None else None
            if name == "expand_dims":
                return _first_axis(inner, _argument(node, 1, "axis"))
            return Array(known, None, inner is not None and inner.random)
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, depth)
        return None

    def _method(self, node: ast.Call, func: ast.Attribute, depth: int) -> Array | None:
        inner = self.array(func.value, depth - 1)
        if func.attr == "astype":
            dtype = _argument(node, 0, "dtype")
            known = self._dtype(dtype) if dtype is not None else None
            return replace(inner or Array(), dtype=known)
        if func.attr == "reshape" and inner is not None:
            return Array(inner.dtype, _dimensions(node.args), inner.random)
        if func.attr == "clip" and inner is not None:
            floats = inner.dtype is not None and inner.dtype.startswith("float")
            return inner if floats else replace(inner, dtype=None)
        if func.attr == "numpy" and not node.args:
            return inner or Array()
        source = self.value(func.value) if isinstance(func.value, ast.Name) else func.value
        if isinstance(source, ast.Call) and self.target(source.func) in _GENERATORS:
            return self._noise(node, func.attr)
        return None

    def _noise(self, node: ast.Call, name: str) -> Array | None:
        if name not in _FLOAT64_NOISE:
            return None
        dtype = _argument(node, None, "dtype")
        known = self._dtype(dtype) if dtype is not None else "float64"
        if name in _DIMENSIONS_AS_ARGUMENTS:
            shape = _dimensions(node.args)
        else:
            shape = _shape(_argument(node, 0 if name in _FIRST_IS_SHAPE else 2, "size"))
        return Array(known, shape, True)

    def _numpy(self, node: ast.Call, name: str, depth: int) -> Array | None:
        if name in ("zeros", "ones", "empty"):
            dtype = _argument(node, 1, "dtype")
            known = self._dtype(dtype) if dtype is not None else "float64"
            return Array(known, _shape(_argument(node, 0, "shape")))
        inner = self.array(node.args[0], depth - 1) if node.args else None
        if name in ("array", "asarray", "float32", "float64"):
            dtype = _argument(node, 1, "dtype")
            known = name if name.startswith("float") else inner.dtype if inner else None
            if dtype is not None:
                known = self._dtype(dtype)
            return replace(inner or Array(), dtype=known)
        if name == "expand_dims":
            return _first_axis(inner, _argument(node, 1, "axis"))
        if name in _KEEPS_TYPE:
            return Array(inner.dtype, None, inner.random) if inner is not None else Array()
        return None

    def _arithmetic(self, node: ast.BinOp, left: ast.expr, depth: int) -> Array | None:
        inner = self.array(left, depth - 1)
        if inner is None or not isinstance(node.right, ast.Constant):
            return None
        return inner

    def _dtype(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        path = self.target(node)
        if path.startswith(("numpy.", "tensorflow.")):
            return path.rpartition(".")[2]
        return None


def _argument(node: ast.Call, position: int | None, name: str) -> ast.expr | None:
    for keyword in node.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is not None and position < len(node.args):
        return node.args[position]
    return None


def _shape(node: ast.expr | None) -> tuple[int, ...] | None:
    if isinstance(node, ast.Tuple | ast.List):
        return _dimensions(node.elts)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return (node.value,)
    return None


def _dimensions(nodes: Sequence[ast.expr]) -> tuple[int, ...] | None:
    found = []
    for node in nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, int):
            return None
        found.append(node.value)
    return tuple(found)


def _first_axis(inner: Array | None, axis: ast.expr | None) -> Array:
    """An array with one axis more."""
    if inner is None:
        return Array()
    first = isinstance(axis, ast.Constant) and axis.value == 0
    shape = (1, *inner.shape) if first and inner.shape is not None else None
    return replace(inner, shape=shape)


def _indexed(inner: Array | None, index: ast.expr) -> Array | None:
    """`x[None]` and `x[np.newaxis, ...]` are arrays whatever `x` is."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    fresh = any(_is_none(part) for part in parts)
    if inner is None:
        return Array() if fresh else None
    if fresh and _is_none(parts[0]) and not any(_is_none(part) for part in parts[1:]):
        return _first_axis(inner, ast.Constant(0))
    return replace(inner, shape=None)


def _is_none(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis"
    )


def _stores(target: ast.expr, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(target)
    )
