"""What is traced in a document: its body, then each function and class that was not reached."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qlsp.error import QlspError
from qlsp.source.document import Document
from qlsp.source.span import Site, Span
from qlsp.trace import attributes, functions, models, subclasses, tensors
from qlsp.trace import values as v
from qlsp.trace.budget import Limits, OutOfFuelError
from qlsp.trace.flow import RaisedError
from qlsp.trace.graph import Effect, Flavour, LayerGraph, Symbol
from qlsp.trace.interest import Interest, is_core_op
from qlsp.trace.interpreter import Interpreter
from qlsp.trace.keras.names import resolve
from qlsp.trace.outline import Outline
from qlsp.trace.program import Program
from qlsp.trace.project import Project
from qlsp.trace.scope import Module, Scope
from qlsp.trace.tape import Tape, whole
from qlsp.trace.values import MISSING, Arguments, Tensor, Unknown, Value
from qlsp.trace.variants import Pattern, pattern

_DEFAULT_SETTINGS: Mapping[str, object] = {"weights": None}


@dataclass
class Trace:
    """What a document builds."""

    graphs: tuple[LayerGraph, ...]
    """Every model, and every piece of one, that some root makes; the module's body first."""
    programs: tuple[Program, ...] = ()
    """What the roots do with converters, tfmot and models; the module's body first."""
    imports: frozenset[str] = frozenset()
    """What the document imports: names as written, and their canonical names."""
    complete: bool = True
    """Whether no builder was left out as a variant of others (`Limits.variants`)."""
    read: tuple[Document, ...] = ()
    """The other files of the project that were run."""


@dataclass
class _Root:
    """A function or class of the document."""

    value: v.Function | v.Class
    owner: v.Class | None
    calls: tuple[ast.Call, ...]
    node: ast.AST = field(repr=False, default_factory=ast.Pass)


def trace(
    document: Document, project: Project | None = None, limits: Limits | None = None
) -> Trace:
    """The layer graphs of a document. Raises `SourceError` if it does not parse."""
    tracer = _Tracer(document, project or Project(), limits or Limits())
    tracer.run_body()
    outline = Outline.of(document.tree)
    tracer.run_roots(outline)
    return Trace(
        tuple(tracer.graphs),
        tuple(tracer.programs),
        _imported(outline),
        not tracer.left_out,
        tuple(module.document for module in tracer.machine.files.values()),
    )


def trace_builder(
    document: Document,
    builder: str,
    project: Project | None = None,
    settings: Mapping[str, object] | None = None,
    limits: Limits | None = None,
) -> LayerGraph:
    """The graph of the model that `builder` (a function, class or variable) makes.

    `settings` are arguments by name; those that the builder does not take are ignored. Raises
    `QlspError` if there is no such builder or it makes no model, and `SourceError` if the document
    does not parse.
    """
    given = _DEFAULT_SETTINGS if settings is None else settings
    tracer = _Tracer(document, project or Project(), limits or Limits())
    return tracer.build(builder, given)


def imported(document: Document) -> frozenset[str]:
    """What a document imports, wherever in it: names as written, and their canonical names."""
    return _imported(Outline.of(document.tree))


def _imported(outline: Outline) -> frozenset[str]:
    names: set[str] = set()
    for node in outline.imports:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    known = (resolve(name.removesuffix(".*")) for name in names)
    return frozenset(names).union(name.symbol for name in known if name is not None)


class _Tracer:
    def __init__(self, document: Document, project: Project, limits: Limits) -> None:
        _, name = project.package_of(document.path)
        is_package = document.path.endswith("__init__.py")
        package = name if is_package else name.rpartition(".")[0]
        self.module = Module("__main__", document, package)
        self.scope = Scope(self.module.names, self.module)
        self.machine = Interpreter(project, limits, self.module)
        self.graphs: list[LayerGraph] = []
        self.programs: list[Program] = []
        self.effects: list[Effect] = []
        """What the module's body does to every graph."""
        self.left_out = 0
        """How many roots were not run, as variants of others."""
        self._variants: Counter[Pattern] = Counter()

    # The module's body

    def run_body(self) -> None:
        machine = self.machine
        self._begin("<module>", machine.limits.fuel)
        self.module.names["__name__"] = "__main__"
        self.module.names["__file__"] = self.module.path
        self.module.state = "running"
        try:
            for statement in self.module.document.tree.body:
                machine.run_top(statement, self.scope)
        except OutOfFuelError:
            self._out_of_fuel()
        self.module.state = "done"
        self._finish("<module>", None, None)
        self.effects = machine.tape.effects

    def _begin(self, name: str, patience: int | None = None) -> None:
        machine = self.machine
        machine.tape = Tape()
        machine.tape.effects += self.effects
        machine.budget.begin(patience)
        machine.models = []
        machine.program = []
        machine.instances = []
        machine.building = name
        machine.made = 0

    def _out_of_fuel(self) -> None:
        machine = self.machine
        machine.unwind(0, 0)
        machine.path, machine.conditions = (), ()
        machine.depth, machine.stack = 0, []
        while machine.tape.parent is not None:
            machine.tape = machine.tape.parent
        machine.tape.hole(None, "the program is too large to follow to its end")
        for node in machine.tape.nodes:
            node.escapes = True

    # Functions and classes

    def run_roots(self, outline: Outline) -> None:
        for root in _roots(self.module, outline):
            if self.machine.budget.left <= 0:
                break
            if self._covered(root):
                continue
            if self._is_one_of_many(root, outline):
                self.left_out += 1
            else:
                self.run_root(root)

    def _covered(self, root: _Root) -> bool:
        return all(id(call) in self.machine.reached for call in root.calls)

    def _is_one_of_many(self, root: _Root, outline: Outline) -> bool:
        """Whether enough builders were run that hand the same code other numbers."""
        node = root.node
        if root.owner is not None or not isinstance(node, ast.FunctionDef):
            return False
        callees = (call.func for call in root.calls)
        if not all(isinstance(f, ast.Name) and f.id in outline.definitions for f in callees):
            return False
        known = pattern(node)
        self._variants[known] += 1
        return self._variants[known] > self.machine.limits.variants

    def run_root(self, root: _Root) -> None:
        machine = self.machine
        value = root.value
        name = value.qualname if isinstance(value, v.Class) else value.name
        for symbolic in (False, True):
            self._begin(name)
            machine.trail.begin()
            result: Value = MISSING
            lost = False
            try:
                result = self._call_root(root, symbolic)
            except OutOfFuelError:
                self._out_of_fuel()
                lost = True
            except (RaisedError, RecursionError):
                machine.unwind(1, 0)
            self._finish(name, result, Site(self.module.path, Span.of(value.node)))
            machine.unwind(0, 0)
            if lost or self._covered(root):
                break

    def _call_root(self, root: _Root, symbolic: bool) -> Value:
        machine = self.machine
        value = root.value
        if isinstance(value, v.Class):
            made = machine.call(value, self._arguments(_constructor(value), symbolic, 1), None)
            return self._use(made)
        arguments = self._arguments(value, symbolic, 0)
        if root.owner is not None and arguments.args:
            made = machine.call(
                root.owner, self._arguments(_constructor(root.owner), symbolic, 1), None
            )
            arguments.args[0] = made
            self._run_as_converted(value, arguments)
        made = machine.call(value, arguments, None)
        if isinstance(made, v.Function) and _within(made.node, root.node):
            # A block written as a function that gives the layer: `Block(8)(x)`.
            made = machine.call(made, self._arguments(made, symbolic, 0), None)
        return made

    def _run_as_converted(self, method: Value, arguments: Arguments) -> None:
        """A method's `training`, whatever its default, is False in a converted model."""
        if isinstance(method, v.Function):
            names = [parameter.arg for parameter in method.node.args.args]
            if "training" in names[len(arguments.args) :]:
                arguments.kwargs["training"] = False

    def _use(self, made: Value) -> Value:
        """Apply a fresh layer or model to inputs that aren't known."""
        machine = self.machine
        if not isinstance(made, v.Instance) or not models.is_keras(made.cls):
            return made
        if made.keras is not None and attributes.find(machine, made, "call") is MISSING:
            return made
        return machine.call(made, _call_arguments(machine, made), None)

    def _arguments(self, function: Value, symbolic: bool, skip: int) -> Arguments:
        """Arguments of a root: those without default (all, if `symbolic`) are not known."""
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

    # Results

    def _finish(self, name: str, result: Value, site: Site | None) -> None:
        """Turn what a root made into graphs."""
        machine = self.machine
        tape = machine.tape
        if machine.program:
            self.programs.append(Program(name, tuple(machine.program)))
        try:
            for made in list(machine.instances):
                if id(made) in machine.called:
                    continue
                if isinstance(made.keras, v.Model | v.Sequential):
                    machine.models.append((made.keras, tape))
                elif made.keras is None:
                    self._try_instance(made)
        except OutOfFuelError:
            self._out_of_fuel()
        machine.budget.end()
        try:
            for model, _ in list(machine.models):
                if id(model) in machine.nested:
                    continue
                graph = self._graph_of(model)
                if graph is not None and graph.nodes:
                    self.graphs.append(graph)
        except OutOfFuelError:
            self._out_of_fuel()
        self._add_fragment(tape, name, result, site)

    def _try_instance(self, made: v.Instance) -> None:
        try:
            self._use(made)
        except RaisedError:
            self.machine.unwind(1, 0)

    def _graph_of(self, model: Value) -> LayerGraph | None:
        machine = self.machine
        if type(model) is v.Model:
            return None if model.opaque else model.graph
        if type(model) is v.Sequential:
            graph, _ = models.sequential_graph(machine, model)
            return graph
        return None

    def _add_fragment(self, tape: Tape, name: str, result: Value, site: Site | None) -> None:
        rest = [
            node
            for node in tape.nodes
            if node.index not in tape.used and node.kind not in ("input", "opaque", "choice")
        ]
        if not any(node.kind != "op" or is_core_op(node.cls) for node in rest):
            return
        ends: list[Tensor] = []
        known = result is not MISSING and not isinstance(result, v.Instance)
        if known:
            tensors.gather(self.machine, result, ends, unknown=False)
        # What the way out of a model was lost for still is part of it.
        lost = not ends and bool(tape.holes)
        only = rest[0] if len(rest) == 1 else None
        if only is not None and only.body is not None and only.body.kind == "subclassed":
            body = only.body
            if only.kind == "layer":  # of a model that is elsewhere
                body = replace(body, name=f"{name}.call", kind="fragment")
            self.graphs.append(body)
            return
        self.graphs.append(
            whole(
                tape,
                ends if known and not lost else None,
                name=name,
                kind="fragment",
                flavour=_flavour(tape),
                site=site,
            )
        )

    # Builders

    def build(self, builder: str, settings: Mapping[str, object]) -> LayerGraph:
        machine = self.machine
        self._begin("<module>")
        self.run_body()
        found: Value = self.module.names.get(builder.partition(".")[0], MISSING)
        for part in builder.split(".")[1:]:
            if found is not MISSING:
                found = attributes.get(machine, found, part, None, None)
        where = self.module.path
        if found is MISSING or type(found) is Unknown:
            raise QlspError(f"{where} has no function, class or model `{builder}`")
        self._begin(builder)
        try:
            made = self._make(found, settings)
            graph = self._model_graph(made, builder)
        except RaisedError as error:
            raise QlspError(f"`{builder}` raises an error: {error}") from None
        except (OutOfFuelError, RecursionError):
            raise QlspError(f"`{builder}` is too large to follow") from None
        if graph is None:
            raise QlspError(f"`{builder}` in {where} does not make a model")
        return graph

    def _make(self, found: Value, settings: Mapping[str, object]) -> Value:
        machine = self.machine
        if isinstance(found, v.Bound):
            return machine.call(found, Arguments([], {}), None)
        if isinstance(found, v.Function | v.Class):
            function = found if isinstance(found, v.Function) else _constructor(found)
            skip = 0 if isinstance(found, v.Function) else 1
            arguments = self._arguments(function, False, skip)
            if isinstance(function, v.Function):
                _set(arguments, function, settings, skip)
            return machine.call(found, arguments, None)
        if isinstance(found, v.Partial):
            return machine.call(found, Arguments([], {}), None)
        return found

    def _model_graph(self, made: Value, builder: str) -> LayerGraph | None:
        machine = self.machine
        if type(made) in (tuple, v.List):
            items = made if type(made) is tuple else made.items
            made = next((i for i in items if isinstance(i, v.Model | v.Sequential)), made)
        if isinstance(made, v.Instance) and not subclasses.has_call(made):
            made = made.keras
        if type(made) is v.Model:
            return None if made.opaque else made.graph
        if type(made) is v.Sequential:
            return models.sequential_graph(machine, made, name=builder)[0]
        if isinstance(made, v.Instance) and models.is_keras(made.cls):
            mark = len(machine.tape.nodes)
            machine.call(made, _call_arguments(machine, made), None)
            for node in machine.tape.nodes[mark:]:
                if node.body is not None:
                    return node.body
        ends = [t for t in functions.flat_tensors(made) if t.tape is machine.tape]
        if ends:
            return whole(
                machine.tape,
                ends,
                name=builder,
                kind="fragment",
                flavour=_flavour(machine.tape),
                site=None,
            )
        return None


def _within(node: ast.AST, outer: ast.AST) -> bool:
    return any(part is node for part in ast.walk(outer))


def _roots(module: Module, outline: Outline) -> list[_Root]:
    """The functions and classes of the document, those that nothing else names first."""
    interest = Interest(module, outline)
    found: list[_Root] = []
    for value in list(module.names.values()):
        if isinstance(value, v.Descriptor):
            value = value.function
        if isinstance(value, v.Function) and value.module is module:
            if isinstance(value.node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append(_Root(value, None, interest.calls(value.node), value.node))
        elif isinstance(value, v.Class) and value.module is module:
            found.append(_Root(value, None, interest.calls(value.node), value.node))
            for method in value.names.values():
                if isinstance(method, v.Descriptor):
                    method = method.function
                if not isinstance(method, v.Function) or method.module is not module:
                    continue
                if not method.name.rpartition(".")[2].startswith("__"):
                    found.append(_Root(method, value, interest.calls(method.node), method.node))
    return sorted(
        (root for root in found if root.calls),
        key=lambda root: (root.owner is not None, outline.reads.get(_name(root), 0) > 0),
    )


def _name(root: _Root) -> str:
    value = root.value
    return value.name.rpartition(".")[2]


def _constructor(cls: v.Class) -> Value:
    found = attributes.find_in_classes(cls.mro, "__init__")
    return None if found is MISSING else found


def _argument(name: str) -> Unknown:
    return Unknown(f"the argument `{name}`", argument=True)


def _call_arguments(machine: Interpreter, made: v.Instance) -> Arguments:
    """Symbolic inputs for `call`: what has no default is a tensor, `training` is False."""
    method = attributes.find_in_classes(made.cls.mro, "call")
    if not isinstance(method, v.Function):
        return Arguments([_argument("inputs")], {})
    node = method.node.args
    positional = (node.posonlyargs + node.args)[1:]
    required = len(positional) - len(method.defaults)
    arguments = Arguments([], {})
    for index, parameter in enumerate(positional):
        if parameter.arg == "training":
            arguments.kwargs["training"] = False
        elif index < required:
            arguments.args.append(_argument(parameter.arg))
    return arguments


def _set(
    arguments: Arguments, function: v.Function, settings: Mapping[str, object], skip: int
) -> None:
    node = function.node.args
    positional = [p.arg for p in (node.posonlyargs + node.args)[skip:]]
    taken = {*positional, *(p.arg for p in node.kwonlyargs)}
    for name, value in settings.items():
        if name in taken or node.kwarg is not None:
            if name in positional and positional.index(name) < len(arguments.args):
                arguments.args[positional.index(name)] = to_value(value)
            else:
                arguments.kwargs[name] = to_value(value)


def to_value(plain: object) -> Value:
    """A Python value as a value of the program; a `Symbol` is something outside it."""
    if isinstance(plain, Symbol):
        return v.External(plain.name)
    if isinstance(plain, list):
        return v.List([to_value(item) for item in plain])
    if isinstance(plain, tuple):
        return tuple(to_value(item) for item in plain)
    if isinstance(plain, dict):
        return v.Dict({key: to_value(item) for key, item in plain.items()})
    return plain


def _flavour(tape: Tape) -> Flavour:
    for node in tape.nodes:
        if node.body is not None:
            return node.body.flavour
    return tape.flavour
