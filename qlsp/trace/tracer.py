"""Running a document: its body, then each function and class that was not reached."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from qlsp.source.document import Document
from qlsp.source.span import Site, Span
from qlsp.trace import attributes, kinds, sequential, tensors
from qlsp.trace import values as v
from qlsp.trace.budget import Limits, OutOfFuelError
from qlsp.trace.containers import is_open
from qlsp.trace.flow import RaisedError
from qlsp.trace.graph import Effect, Flavour, LayerGraph
from qlsp.trace.interest import is_core_op
from qlsp.trace.interpreter import Interpreter
from qlsp.trace.outline import Outline
from qlsp.trace.program import Program
from qlsp.trace.project import Project
from qlsp.trace.roots import Root, arguments, call_arguments, constructor, roots, switched
from qlsp.trace.scope import Module, Scope
from qlsp.trace.tape import Tape, whole
from qlsp.trace.values import MISSING, Arguments, Tensor, Value
from qlsp.trace.variants import Pattern, pattern

_SWITCHES = 4
"""How many of a function's switches are tried."""


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


def trace(
    document: Document, project: Project | None = None, limits: Limits | None = None
) -> Trace:
    """The layer graphs of a document. Raises `SourceError` if it does not parse."""
    tracer = Tracer(document, project or Project(), limits or Limits())
    tracer.run_body()
    outline = Outline.of(document.tree)
    tracer.run_roots(outline)
    return Trace(
        tuple(tracer.graphs),
        tuple(tracer.programs),
        outline.imported(),
        not tracer.left_out,
        tuple(module.document for module in tracer.machine.files.values()),
    )


class Tracer:
    """One document, run root by root."""

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
        self._lost = False
        """Whether the last root was too large to be followed to its end."""
        self._kept = 0
        """Segments of the trail that outlive a root: the object that methods share."""

    # The module's body

    def run_body(self) -> None:
        """Run the module's body."""
        machine = self.machine
        self.begin("<module>", machine.limits.fuel)
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

    def begin(self, name: str, patience: int | None = None) -> None:
        """Start a root on an empty tape."""
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
        machine.unwind(self._kept, 0)
        machine.path, machine.conditions = (), ()
        machine.depth, machine.stack = 0, []
        while machine.tape.parent is not None:
            machine.tape = machine.tape.parent
        machine.tape.hole(None, "the program is too large to follow to its end")
        for node in machine.tape.nodes:
            node.escapes = True

    # Functions and classes

    def run_roots(self, outline: Outline) -> None:
        """Run every function and class that was not reached, then the methods of each class."""
        methods: dict[int, tuple[v.Class, list[Root]]] = {}
        for root in roots(self.module, outline):
            if root.owner is not None:
                methods.setdefault(id(root.owner), (root.owner, []))[1].append(root)
            elif self._is_done(root):
                continue
            elif self._is_one_of_many(root, outline):
                self.left_out += 1
            else:
                self._run_root(root)
        for owner, of_owner in methods.values():
            self._run_methods(owner, of_owner)

    def _is_done(self, root: Root) -> bool:
        return self.machine.budget.left <= 0 or all(
            id(call) in self.machine.reached for call in root.calls
        )

    def _is_one_of_many(self, root: Root, outline: Outline) -> bool:
        """Whether enough builders were run that hand the same code other numbers."""
        node = root.value.node
        if not isinstance(node, ast.FunctionDef):
            return False
        callees = (call.func for call in root.calls)
        if not all(isinstance(f, ast.Name) and f.id in outline.definitions for f in callees):
            return False
        known = pattern(node)
        self._variants[known] += 1
        return self._variants[known] > self.machine.limits.variants

    def _run_root(self, root: Root) -> None:
        for symbolic in (False, True):
            for given in self._ways(root, symbolic):
                self.begin(root.name)
                self._follow(root, partial(self._call_root, root, given, symbolic))
                if self._lost:
                    return
            if self._is_done(root):
                return

    def _ways(self, root: Root, symbolic: bool) -> list[Arguments]:
        """The arguments on which a root is run.

        What converts or quantizes is run with each of its switches on, too, such as
        `quantize=False`. The ways on and off are not joined, as settings belong together.
        """
        function = root.value
        if isinstance(function, v.Class):
            return [arguments(constructor(function), symbolic, 1)]
        ways = [arguments(function, symbolic, 0)]
        if root.converts and not symbolic:
            ways += switched(function)[:_SWITCHES]
        return ways

    def _follow(self, root: Root, call: Callable[[], Value]) -> None:
        """Run a root and keep what it makes; what it changes is taken back."""
        machine = self.machine
        machine.trail.begin()
        result: Value = MISSING
        self._lost = False
        try:
            result = call()
        except OutOfFuelError:
            self._out_of_fuel()
            self._lost = True
        except (RaisedError, RecursionError):
            machine.unwind(self._kept + 1, 0)
        is_class = isinstance(root.value, v.Class) and not kinds.is_keras(root.value)
        name = f"{root.name}.__init__" if is_class else root.name
        self._finish(name, result, Site(self.module.path, Span.of(root.value.node)))
        machine.unwind(self._kept, 0)

    def _call_root(self, root: Root, given: Arguments, symbolic: bool) -> Value:
        if isinstance(root.value, v.Class):
            return self._use(self.machine.call(root.value, given, None))
        return self._call_function(root, root.value, given, symbolic)

    def _object(self, cls: v.Class, symbolic: bool) -> Value:
        return self.machine.call(cls, arguments(constructor(cls), symbolic, 1), None)

    def _use(self, made: Value) -> Value:
        """Apply a fresh layer or model to inputs that aren't known."""
        machine = self.machine
        if not isinstance(made, v.Instance) or not kinds.is_keras(made.cls):
            return made
        if made.keras is not None and attributes.find(machine, made, "call") is MISSING:
            return made
        return machine.call(made, call_arguments(machine, made), None)

    def _call_function(
        self, root: Root, function: v.Function, given: Arguments, symbolic: bool
    ) -> Value:
        machine = self.machine
        made = machine.call(function, given, None)
        if isinstance(made, v.Function) and _within(made.node, root.value.node):
            # A block written as a function that gives the layer: `Block(8)(x)`.
            made = machine.call(made, arguments(made, symbolic, 0), None)
        return made

    # Methods

    def _run_methods(self, owner: v.Class, methods: list[Root]) -> None:
        """Run the methods of a class that were not reached.

        They share an object, unless making it already makes a part of a model.
        """
        machine = self.machine
        for symbolic in (False, True):
            methods = [root for root in methods if not self._is_done(root)]
            if not methods:
                return
            self.begin(owner.qualname)
            machine.trail.begin()
            try:
                made = self._object(owner, symbolic)
            except OutOfFuelError:
                self._out_of_fuel()
                return
            except (RaisedError, RecursionError):
                machine.unwind(1, 0)
                made = MISSING
            holes, patience = machine.tape.holes, machine.budget.patience
            machine.budget.end()
            if self._made_nothing():
                self._kept = 1
            else:
                machine.unwind(0, 0)
                made, holes, patience = None, [], None
            for root in methods.copy():
                for given in () if self._is_done(root) else self._ways(root, symbolic):
                    self.begin(root.name, patience)
                    machine.tape.holes += holes
                    self._follow(root, partial(self._call_method, root, made, given, symbolic))
                    if self._lost:
                        methods.remove(root)
                        break
            self._kept = 0
            machine.unwind(0, 0)

    def _made_nothing(self) -> bool:
        machine = self.machine
        tape = machine.tape
        return not (
            tape.nodes or len(tape.effects) > len(self.effects) or machine.models or machine.program
        )

    def _call_method(self, root: Root, made: Value, given: Arguments, symbolic: bool) -> Value:
        """Call a method of `made`.

        None stands for an object of its own; it is missing if the class can't be instantiated.
        """
        method = root.value
        assert isinstance(method, v.Function)
        if given.args:
            if made is None and root.owner is not None:
                made = self._object(root.owner, symbolic)
            if made is MISSING:
                raise RaisedError
            given.args[0] = made
            names = [parameter.arg for parameter in method.node.args.args]
            if "training" in names[len(given.args) :]:  # False in a converted model
                given.kwargs["training"] = False
        result = self._call_function(root, method, given, symbolic)
        is_changed = bool(self.machine.trail.segments[-1])
        if is_changed and isinstance(made, v.Instance) and kinds.is_keras(made.cls):
            self.machine.instances.append(made)  # its `call` may do something else now
        return result

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
            self.machine.unwind(self._kept + 1, 0)

    def _graph_of(self, model: Value) -> LayerGraph | None:
        machine = self.machine
        if type(model) is v.Model:
            return None if model.opaque else model.graph
        if type(model) is v.Sequential:
            graph, _ = sequential.sequential_graph(machine, model)
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
        lost = not ends and (bool(tape.holes) or is_open(result))
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
                flavour=flavour_of(tape),
                site=site,
            )
        )


def _within(node: ast.AST, outer: ast.AST) -> bool:
    return any(part is node for part in ast.walk(outer))


def flavour_of(tape: Tape) -> Flavour:
    """Which Keras (or TensorFlow 1) the nodes on a tape belong to."""
    for node in tape.nodes:
        if node.body is not None:
            return node.body.flavour
    return tape.flavour
