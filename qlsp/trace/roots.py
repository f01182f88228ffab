"""What of a document is traced by itself (functions, classes, methods), and on what arguments."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from qlsp.trace import attributes
from qlsp.trace import values as v
from qlsp.trace.gate import CONVERTERS
from qlsp.trace.interest import Interest
from qlsp.trace.interpreter import Interpreter
from qlsp.trace.outline import Outline
from qlsp.trace.scope import Module
from qlsp.trace.values import MISSING, Arguments, Unknown, Value


@dataclass
class Root:
    """A function, class or method of the document."""

    value: v.Function | v.Class
    owner: v.Class | None
    """The class of a method."""
    calls: tuple[ast.Call, ...]
    """The calls within it that may build layers."""

    @property
    def name(self) -> str:
        """With the classes that it stands in."""
        return self.value.qualname if isinstance(self.value, v.Class) else self.value.name

    @property
    def converts(self) -> bool:
        """Whether it converts or quantizes a model."""
        callees = (call.func for call in self.calls)
        return any(isinstance(each, ast.Attribute) and each.attr in CONVERTERS for each in callees)


def roots(module: Module, outline: Outline) -> list[Root]:
    """The functions, classes and methods of the document, those that nothing else names first."""
    interest = Interest(module, outline)
    found: list[Root] = []
    for value in list(module.names.values()):
        if isinstance(value, v.Descriptor):
            value = value.function
        if isinstance(value, v.Function) and value.module is module:
            if isinstance(value.node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append(Root(value, None, interest.calls(value.node)))
        elif isinstance(value, v.Class) and value.module is module:
            found.append(Root(value, None, interest.calls(value.node)))
            for method in value.names.values():
                if isinstance(method, v.Descriptor):
                    method = method.function
                if not isinstance(method, v.Function) or method.module is not module:
                    continue
                if not method.name.rpartition(".")[2].startswith("__"):
                    found.append(Root(method, value, interest.calls(method.node)))
    return sorted(
        (root for root in found if root.calls),
        key=lambda root: outline.reads.get(root.name.rpartition(".")[2], 0) > 0,
    )


def constructor(cls: v.Class) -> Value:
    """`__init__` of a class; None if it is outside the document and the project."""
    found = attributes.find_in_classes(cls.mro, "__init__")
    return None if found is MISSING else found


def arguments(function: Value, symbolic: bool, skip: int) -> Arguments:
    """Arguments for all parameters but the first `skip`: those without default are not known.

    Neither are the others, if `symbolic`.
    """
    if not isinstance(function, v.Function):
        return Arguments([], {}, function is not None)
    node = function.node.args
    positional = (node.posonlyargs + node.args)[skip:]
    required = len(positional) if symbolic else len(positional) - len(function.defaults)
    made = Arguments([_argument(p.arg) for p in positional[: max(required, 0)]], {})
    for parameter in node.kwonlyargs:
        if symbolic or parameter.arg not in function.keyword_defaults:
            made.kwargs[parameter.arg] = _argument(parameter.arg)
    if node.vararg is not None and symbolic:
        made.args.append(_argument(node.vararg.arg))
    return made


def switched(function: v.Function) -> list[Arguments]:
    """Arguments with one parameter True that is False by default, for each of them.

    What is None by default is not known then: it may be needed only if the switch is on.
    """
    node = function.node.args
    positional = [parameter.arg for parameter in (node.posonlyargs + node.args)]
    defaults = dict(
        zip(positional[len(positional) - len(function.defaults) :], function.defaults, strict=True)
    )
    defaults.update(function.keyword_defaults)
    found = []
    for switch, off in defaults.items():
        if off is not False or switch == "training":  # no converted model trains
            continue
        given = arguments(function, False, 0)
        given.kwargs.update(
            {name: _argument(name) for name, default in defaults.items() if default is None}
        )
        given.kwargs[switch] = True
        found.append(given)
    return found


def _argument(name: str) -> Unknown:
    return Unknown(f"the argument `{name}`", argument=True)


def call_arguments(machine: Interpreter, made: v.Instance) -> Arguments:
    """Symbolic inputs for `call`: what has no default is a tensor, `training` is False."""
    method = attributes.find_in_classes(made.cls.mro, "call")
    if not isinstance(method, v.Function):
        return Arguments([_argument("inputs")], {})
    node = method.node.args
    positional = (node.posonlyargs + node.args)[1:]
    required = len(positional) - len(method.defaults)
    given = Arguments([], {})
    for index, parameter in enumerate(positional):
        if parameter.arg == "training":
            given.kwargs["training"] = False
        elif index < required:
            given.args.append(_argument(parameter.arg))
    return given
