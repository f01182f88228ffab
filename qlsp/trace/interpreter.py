"""The state of a trace and its inner loop: evaluate an expression, run a block, call a value."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qlsp.source.span import Site, Span
from qlsp.trace import calls, expressions, statements
from qlsp.trace import values as v
from qlsp.trace.budget import Budget, Limits
from qlsp.trace.flow import NORMAL, Outcome, Pending, RaisedError, Way
from qlsp.trace.graph import Annotation
from qlsp.trace.program import Call
from qlsp.trace.scope import Module, Scope
from qlsp.trace.tape import Tape
from qlsp.trace.trail import Trail
from qlsp.trace.values import Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.project import Project


class Interpreter:
    """One trace of one document."""

    def __init__(self, project: Project, limits: Limits, main: Module) -> None:
        self.project = project
        self.limits = limits
        self.main = main
        self.modules: dict[str, Module] = {}
        """Modules of the project by the name they were imported under."""
        self.files: dict[str, Module] = {}
        """The same by path."""
        self.budget = Budget(limits)
        self.trail = Trail()
        self.pending: list[Pending] = []
        self.tape = Tape()
        self.path: tuple[Site, ...] = ()
        """Sites of the calls that are being followed."""
        self.conditions: tuple[Site, ...] = ()
        """Unknown tests under which the program runs."""
        self.assumed: dict[int, bool] = {}
        """Truth of unknown values (by identity) within the arms of a test of them."""
        self.depth = 0
        self.reached: set[int] = set()
        """Identities of the call expressions that were evaluated."""
        self.models: list[tuple[Value, Tape]] = []
        """Models made by the root, in order."""
        self.program: list[Call] = []
        """What the root does with converters, tfmot and models, in order."""
        self.instances: list[v.Instance] = []
        """Objects of Keras subclasses that the root made."""
        self.called: set[int] = set()
        """Identities of the instances that were applied."""
        self.nested: set[int] = set()
        """Identities of the models that were used as layers."""
        self.annotations: dict[int, Annotation] = {}
        """By the number of layers that `quantize_annotate_layer` was given, how."""
        self.laid_out: dict[int, tuple[int, Value, v.Model]] = {}
        """Sequentials whose layers were put on the tape, with their length then."""
        self.building = ""
        """Name of the root."""
        self.made = 0
        """Nodes recorded by the root."""
        self.entered: set[int] = set()
        self.stack: list[int] = []
        """Functions (their syntax's identity) that are being followed, outermost first."""
        self.generators: dict[int, bool] = {}
        """Whether a function (its syntax's identity) is a generator."""
        self.evaluated: list[ast.expr] = []
        """Texts given to `eval`, kept so that identities stay theirs."""
        self.call_site: Site | None = None
        """The call that is being carried out, for what Python's own functions do."""
        self.data_format: str = "channels_last"
        self.arg_scope: dict[str, dict[str, Value]] = {}
        """Arguments that the open `slim.arg_scope`s give, by function."""
        self.uids: dict[str, int] = {}
        self.custom_objects = v.Dict({})
        """What is registered with Keras, by the name that stands for it."""
        self._layers: dict[int, int] = {}
        self._layer_objects: list[Value] = []
        self._sites: dict[ast.AST, Site] = {}

    # Running

    def eval(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression."""
        return expressions.EVALUATE[type(node)](self, node, scope)

    def execute(self, body: Sequence[ast.stmt], scope: Scope) -> Outcome:
        """Run the statements of a block. Raises `RaisedError` where the program does."""
        spend = self.budget.spend
        for statement in body:
            spend()
            outcome = statements.EXECUTE[type(statement)](self, statement, scope)
            if outcome is not None and outcome.way is not Way.NORMAL:
                return outcome
        return NORMAL

    def call(self, callee: Value, arguments: Arguments, site: Site | None) -> Value:
        """Call a value."""
        self.budget.spend(2)
        self.call_site = site
        handler = calls.CALL.get(type(callee))
        if handler is None:
            return self.unknown_call(callee, arguments, site)
        return handler(self, callee, arguments, site)

    def unknown_call(self, callee: Value, arguments: Arguments, site: Site | None) -> Value:
        """Call something that isn't known: its arguments are lost into it."""
        return calls.call_unknown(self, callee, arguments, site)

    # Deciding

    def truth(self, value: Value) -> bool | None:
        """Whether `value` is true; None if that isn't known."""
        kind = type(value)
        if kind in v.Native or kind is tuple:
            return bool(value)
        if kind is Unknown:
            return self.assumed.get(id(value))
        if kind in (v.List, v.Dict, v.Set):
            if any(type(item) is not v.Fork for item in value.items):
                return True
            if value.items or getattr(value, "open", False):
                return None
            return False
        if kind is v.Choice:
            found = {self.truth(option) for option in value.options}
            return found.pop() if len(found) == 1 else None
        if kind in (v.Tensor, v.External):
            return None
        if kind is v.Instance:
            return calls.instance_truth(self, value)
        return True

    def test(self, node: ast.expr, scope: Scope) -> bool | None:
        """The truth of an expression, which may be known where its value is not."""
        if isinstance(node, ast.BoolOp):
            stop = isinstance(node.op, ast.Or)
            unknown = False
            for part in node.values:
                truth = self.test(part, scope)
                if truth is stop:
                    return stop
                unknown = unknown or truth is None
            return None if unknown else not stop
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            truth = self.test(node.operand, scope)
            return None if truth is None else not truth
        return self.truth(self.eval(node, scope))

    # Places

    def site(self, node: ast.expr | ast.stmt, scope: Scope) -> Site:
        """Where a piece of syntax stands."""
        found = self._sites.get(node)
        if found is None:
            found = self._sites[node] = Site(scope.module.path, Span.of(node))
        return found

    def layer_id(self, layer: Value) -> int:
        """A number for a layer object, the same each time."""
        found = self._layers.get(id(layer))
        if found is None:
            found = self._layers[id(layer)] = len(self._layer_objects)
            self._layer_objects.append(layer)  # and so its identity stays its own
        return found

    def layer_object(self, number: int) -> Value:
        """The layer object of a number; None for an input that is none of the program's."""
        return self._layer_objects[number] if number >= 0 else None

    def main_module(self) -> Module:
        """The traced document."""
        return self.main

    def lookup(self, name: str, scope: Scope) -> Value:
        """The value of a name."""
        return expressions.lookup(self, name, scope)

    # Recovering

    def unwind(self, segments: int, pending: int) -> None:
        """Take back every change since the trail had `segments`."""
        del self.pending[pending:]
        while len(self.trail.segments) > segments:
            self.trail.undo()

    def run_module(self, module: Module) -> None:
        """Run the body of a module, once, apart from what is being followed now."""
        if module.state != "new":
            return
        module.state = "running"
        module.names["__name__"] = module.name
        module.names["__file__"] = module.path
        scope = Scope(module.names, module)
        state = self.trail, self.pending, self.tape, self.path, self.conditions, self.models
        self.trail, self.pending, self.tape = Trail(), [], Tape()
        self.path, self.conditions, self.models = (), (), []
        try:
            for statement in module.document.tree.body:
                self.run_top(statement, scope)
        finally:
            self.unwind(0, 0)
            self.trail, self.pending, self.tape, self.path, self.conditions, self.models = state
            module.state = "done"

    def run_top(self, statement: ast.stmt, scope: Scope) -> None:
        """Run a statement of a module's body; one that raises does not stop the others."""
        segments, mark = len(self.trail.segments), len(self.pending)
        try:
            self.execute((statement,), scope)
        except RaisedError:
            self.unwind(segments, mark)
        except RecursionError:
            self.unwind(segments, mark)
            self.tape.hole(self.site(statement, scope), "nested too deeply to follow")
