"""Expressions: one function per kind of `ast` node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.trace import attributes, comprehensions, containers, imports, indexing, operators, text
from qlsp.trace import builtins as python
from qlsp.trace import values as v
from qlsp.trace.flow import NORMAL, Outcome, RaisedError, branch
from qlsp.trace.join import join
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_LONGEST_EVAL = 1000
Evaluate = Callable[["Interpreter", Any, Scope], Value]


def lookup(run: Interpreter, name: str, scope: Scope) -> Value:
    """The value of a name: the scopes outwards, then star imports, then Python's own."""
    if scope.shared is not None and name in scope.shared:
        scope = scope.shared[name]
    current: Scope | None = scope
    while current is not None:
        found = current.names.get(name, MISSING)
        if found is not MISSING:
            return found
        current = current.parent
    found = imports.from_stars(run, scope.module, name)
    if found is not MISSING:
        return found
    found = python.BUILTINS.get(name, MISSING)
    if found is not MISSING:
        return found
    unbound = Unknown(f"the name `{name}`, which nothing binds")
    scope.outermost().names[name] = unbound
    return unbound


def _constant(run: Interpreter, node: ast.Constant, scope: Scope) -> Value:
    return node.value


def _name(run: Interpreter, node: ast.Name, scope: Scope) -> Value:
    found = scope.names.get(node.id, MISSING)
    if found is not MISSING and scope.shared is None:
        return found
    return lookup(run, node.id, scope)


def _attribute(run: Interpreter, node: ast.Attribute, scope: Scope) -> Value:
    return attributes.get(run, run.eval(node.value, scope), node.attr, node, scope)


def _call(run: Interpreter, node: ast.Call, scope: Scope) -> Value:
    run.reached.add(id(node))
    function = node.func
    if isinstance(function, ast.Name) and function.id == "super" and not node.args:
        found = lookup(run, "super", scope)
        if type(found) is v.Builtin:
            return attributes.super_of(scope)
    callee = run.eval(function, scope)
    arguments = evaluate_arguments(run, node, scope)
    if type(callee) is v.Builtin and callee.name == "eval":
        return _eval(run, arguments, scope)
    if type(callee) is v.Builtin and callee.name == "locals" and scope.parent is not None:
        return v.Dict(dict(scope.names))
    return run.call(callee, arguments, run.site(node, scope))


def _eval(run: Interpreter, arguments: Arguments, scope: Scope) -> Value:
    """`eval(text)`: the text is followed as an expression that stands at the call."""
    text = arguments.args[0] if len(arguments.args) == 1 else None
    if not isinstance(text, str) or len(text) > _LONGEST_EVAL or arguments.node is None:
        return Unknown("the result of `eval`")
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RaisedError(text="eval") from None
    run.evaluated.append(expression)
    for part in ast.walk(expression):
        ast.copy_location(part, arguments.node)
    return run.eval(expression, scope)


def evaluate_arguments(run: Interpreter, node: ast.Call, scope: Scope) -> Arguments:
    """The arguments of a call, with `*` and `**` spread out."""
    arguments = Arguments([], {}, False, node, scope.module.path)
    for argument in node.args:
        kind = type(argument)
        if kind is ast.Starred:
            items, exact = spread(run, run.eval(argument.value, scope))  # type: ignore[attr-defined]
            arguments.args += items
            arguments.open = arguments.open or not exact
        else:
            arguments.args.append(EVALUATE[kind](run, argument, scope))
    for keyword in node.keywords:
        value = EVALUATE[type(keyword.value)](run, keyword.value, scope)
        if keyword.arg is not None:
            arguments.kwargs[keyword.arg] = value
        elif type(value) is v.Dict:
            arguments.open = arguments.open or value.open
            for key, item in value.items.items():
                if isinstance(key, str):
                    arguments.kwargs[key] = item
        else:
            arguments.open = True
    return arguments


def spread(run: Interpreter, value: Value) -> tuple[list[Value], bool]:
    """The items of an iterable as far as they are known, and whether these are all."""
    items = containers.items_of(run, value)
    if items is None:
        return [], False
    known: list[Value] = []
    for item in items:
        if type(item) is v.Fork:
            return known, False
        known.append(item)
    return known, not (type(value) is v.List and value.open)


def _list(run: Interpreter, node: ast.List, scope: Scope) -> Value:
    items, is_open = _items(run, node.elts, scope)
    return v.List(items, is_open)


def _tuple(run: Interpreter, node: ast.Tuple, scope: Scope) -> Value:
    items, is_open = _items(run, node.elts, scope)
    return v.List(items, True) if is_open else tuple(items)


def _items(run: Interpreter, nodes: Sequence[ast.expr], scope: Scope) -> tuple[list[Value], bool]:
    run.budget.spend(len(nodes) // 8)
    items: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            value = run.eval(node.value, scope)
            found = containers.items_of(run, value)
            if found is None:
                return items, True
            items += found
            if type(value) is v.List and value.open:
                return items, True
        else:
            items.append(run.eval(node, scope))
    return items, False


def _set(run: Interpreter, node: ast.Set, scope: Scope) -> Value:
    items, is_open = _items(run, node.elts, scope)
    if is_open or any(not containers.is_key(item) for item in items):
        return Unknown("a set of values that aren't known")
    return v.Set(dict.fromkeys(items))


def _dict(run: Interpreter, node: ast.Dict, scope: Scope) -> Value:
    run.budget.spend(len(node.keys) // 8)
    made = v.Dict({})
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = run.eval(value_node, scope)
        if key_node is None:
            if type(value) is v.Dict:
                made.items.update(value.items)
                made.open = made.open or value.open
            else:
                made.open = True
            continue
        key = run.eval(key_node, scope)
        if containers.is_key(key):
            made.items[key] = value
        else:
            made.open = True
    return made


def _binary(run: Interpreter, node: ast.BinOp, scope: Scope) -> Value:
    left = run.eval(node.left, scope)
    right = run.eval(node.right, scope)
    return operators.binary(run, type(node.op), left, right, node, scope)


def _unary(run: Interpreter, node: ast.UnaryOp, scope: Scope) -> Value:
    if isinstance(node.op, ast.Not):
        truth = run.test(node.operand, scope)
        return Unknown("a condition that isn't known") if truth is None else not truth
    return operators.unary(run, type(node.op), run.eval(node.operand, scope), node, scope)


def _boolean(run: Interpreter, node: ast.BoolOp, scope: Scope) -> Value:
    stop = isinstance(node.op, ast.Or)
    options: list[Value] = []
    for part in node.values[:-1]:
        value = run.eval(part, scope)
        truth = run.truth(value)
        if truth is stop:
            if not options:
                return value
            return _either(run, [*options, value], node, scope)
        if truth is None:
            options.append(value)
    last = run.eval(node.values[-1], scope)
    return _either(run, [*options, last], node, scope) if options else last


def _either(run: Interpreter, options: list[Value], node: ast.expr, scope: Scope) -> Value:
    return join(options, run.site(node, scope), run.limits.options)


def _compare(run: Interpreter, node: ast.Compare, scope: Scope) -> Value:
    left = run.eval(node.left, scope)
    result: Value = True
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = run.eval(right_node, scope)
        result = operators.compare(run, type(operator), left, right, node, scope)
        truth = run.truth(result)
        if truth is False:
            return result
        if truth is None and len(node.ops) > 1:
            return Unknown("a comparison of values that aren't known")
        left = right
    return result


def _conditional(run: Interpreter, node: ast.IfExp, scope: Scope) -> Value:
    truth = run.test(node.test, scope)
    if truth is not None:
        return run.eval(node.body if truth else node.orelse, scope)
    results: list[Value] = []

    def arm(part: ast.expr) -> Callable[[], Outcome]:
        def go() -> Outcome:
            results.append(run.eval(part, scope))
            return NORMAL

        return go

    site = run.site(node.test, scope)
    branch(run, [arm(node.body), arm(node.orelse)], site)
    return join(results, site, run.limits.options)


def _subscript(run: Interpreter, node: ast.Subscript, scope: Scope) -> Value:
    container = run.eval(node.value, scope)
    key = run.eval(node.slice, scope)
    return indexing.item(run, container, key, node, scope)


def _slice(run: Interpreter, node: ast.Slice, scope: Scope) -> Value:
    parts = [
        None if part is None else run.eval(part, scope)
        for part in (node.lower, node.upper, node.step)
    ]
    if all(part is None or type(part) in (int, bool) for part in parts):
        return slice(*parts)
    return Unknown("a slice that isn't known")


def _lambda(run: Interpreter, node: ast.Lambda, scope: Scope) -> Value:
    return make_function(run, node, scope, "<lambda>")


def make_function(
    run: Interpreter,
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
    scope: Scope,
    name: str,
) -> v.Function:
    """The function that a definition makes, its defaults evaluated."""
    arguments = node.args
    return v.Function(
        node,
        scope.closure(),
        scope.module,
        f"{scope.function}.{name}" if scope.function else name,
        tuple(run.eval(default, scope) for default in arguments.defaults),
        {
            argument.arg: run.eval(default, scope)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        },
        scope.owner if scope.is_class else None,
        generator=_is_generator(run, node, scope),
    )


def _is_generator(run: Interpreter, node: Any, scope: Scope) -> bool:
    if isinstance(node, ast.Lambda):
        return False
    known = run.generators.get(id(node))
    if known is None:
        known = scope.module.may_yield(node) and _yields(node)
        run.generators[id(node)] = known
    return known


def _yields(node: ast.AST) -> bool:
    stack: list[ast.AST] = list(ast.iter_child_nodes(node))
    while stack:
        current = stack.pop()
        if isinstance(current, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(
            current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
        ):
            stack += ast.iter_child_nodes(current)
    return False


def _walrus(run: Interpreter, node: ast.NamedExpr, scope: Scope) -> Value:
    value = run.eval(node.value, scope)
    target = scope
    while target.function == "<comprehension>" and target.parent is not None:
        target = target.parent
    run.trail.set(target.binding(node.target.id), node.target.id, value)
    return value


def _formatted(run: Interpreter, node: ast.JoinedStr, scope: Scope) -> Value:
    pieces: list[str] = []
    unknown: Unknown | None = None
    for part in node.values:
        value = (
            _format_value(run, part, scope)
            if isinstance(part, ast.FormattedValue)
            else run.eval(part, scope)
        )
        if isinstance(value, str):
            pieces.append(value)
        else:
            unknown = unknown or (
                value if type(value) is Unknown else Unknown("a string that isn't known")
            )
    return unknown if unknown is not None else "".join(pieces)


def _format_value(run: Interpreter, node: ast.FormattedValue, scope: Scope) -> Value:
    """One `{…}` of an f-string."""
    value = run.eval(node.value, scope)
    spec: Value = run.eval(node.format_spec, scope) if node.format_spec else ""
    if not isinstance(spec, str):
        return Unknown("a string that isn't known")
    conversion = {-1: "", 97: "a", 114: "r", 115: "s"}[node.conversion]
    return text.to_text(run, value, spec, conversion)


def _starred(run: Interpreter, node: ast.Starred, scope: Scope) -> Value:
    run.eval(node.value, scope)
    return Unknown("a starred expression")


def _await(run: Interpreter, node: ast.Await, scope: Scope) -> Value:
    return run.eval(node.value, scope)


def _yield(run: Interpreter, node: ast.Yield, scope: Scope) -> Value:
    value = run.eval(node.value, scope) if node.value else None
    _give(run, scope, [value])
    return Unknown("what is sent into a generator")


def _yield_from(run: Interpreter, node: ast.YieldFrom, scope: Scope) -> Value:
    items, _ = spread(run, run.eval(node.value, scope))
    _give(run, scope, items)
    return Unknown("what a generator returns")


def _give(run: Interpreter, scope: Scope, items: Iterable[Value]) -> None:
    current: Scope | None = scope
    while current is not None and current.yields is None:
        current = current.parent
    if current is None or current.yields is None:
        raise RaisedError(text="yield outside a function")
    run.trail.touch(current.yields)
    current.yields += items


EVALUATE: dict[type[ast.expr], Evaluate] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.List: _list,
    ast.Tuple: _tuple,
    ast.Set: _set,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.ListComp: comprehensions.comprehension,
    ast.SetComp: comprehensions.comprehension,
    ast.GeneratorExp: comprehensions.comprehension,
    ast.DictComp: comprehensions.dict_comprehension,
    ast.JoinedStr: _formatted,
    ast.Starred: _starred,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
}
