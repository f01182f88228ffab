"""Operations on the graph, as edits of the source that makes it.

Every style is written by the same few means. The text of an application without its input (for
`self.bn(x, training=t)` the pieces `self.bn(` and `, training=t)`, for a list element the
element) is a `Slot`: exchanging two slots swaps two layers, whatever the style.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from qlsp.rules.rewrite import names
from qlsp.rules.rewrite.arguments import (
    argument,
    reads_locals,
    remove_argument,
    remove_call_argument,
    set_argument,
)
from qlsp.rules.rewrite.operations import (
    Given,
    InsertAfter,
    NewLayer,
    Operation,
    Remove,
    RemoveArgument,
    RemoveCallArgument,
    Replace,
    SetArgument,
    Swap,
)
from qlsp.rules.rewrite.places import CannotWrite, known, place_of
from qlsp.rules.rewrite.slots import (
    INPUT_KEYWORDS,
    Slot,
    link_is_private,
    mentions,
    result_name,
    slot_of,
)
from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.items import insert_element, remove_element
from qlsp.source.span import Span
from qlsp.source.syntax import Place, indentation, owns_its_lines, rest_of_line, stores
from qlsp.trace.graph import Flavour, LayerGraph, Node, Style


def write(document: Document, graph: LayerGraph, operation: Operation) -> list[Edit]:
    """The edits of `document` that make it build `graph` with `operation` done.

    `graph` is flat, and the operation's nodes are of it. Raises `CannotWrite`.
    """
    match operation:
        case Swap(first, second):
            return _swap(document, graph, first, second)
        case InsertAfter(node, layer):
            return _insert(document, node, layer, graph.flavour)
        case Remove(node):
            return _remove(document, node)
        case Replace(node, layer):
            return _replace(document, node, layer, graph.flavour)
        case SetArgument(node, key, value):
            return set_argument(document, node, key, value)
        case RemoveArgument(node, key, moved):
            return [remove_argument(document, node, key, moved)]
        case RemoveCallArgument(node, key):
            return [remove_call_argument(document, node, key)]


def _swap(document: Document, graph: LayerGraph, first: Node, second: Node) -> list[Edit]:
    one, other = slot_of(document, graph, first, second), slot_of(document, graph, second, first)
    if one is None or other is None or len(one.pieces) != len(other.pieces):
        raise CannotWrite("the two layers are written in different styles")
    if not _exchangeable(document, one, other):
        raise CannotWrite("what lies between the two layers may depend on their order")
    edits = []
    for here, there in zip(one.pieces, other.pieces, strict=True):
        edits += [
            Edit(*here, document.text[slice(*there)]),
            Edit(*there, document.text[slice(*here)]),
        ]
    # Each trailing comment goes with the layer that it speaks of.
    if one.comment and other.comment and one.comment != other.comment:
        here, there = one.comment, other.comment
        edits += [
            Edit(*here, document.text[slice(*there)]),
            Edit(*there, document.text[slice(*here)]),
        ]
    return [edit for edit in edits if document.text[edit.start : edit.end] != edit.text]


def _exchangeable(document: Document, one: Slot, other: Slot) -> bool:
    """Whether two slots may change places without changing anything but the layers' order."""
    if one.container != other.container:
        return False
    if one.style is Style.ELEMENT:
        return True
    if not (one.place.unconditional and other.place.unconditional):
        return False
    between = one.statements_until(other)
    if between is None:
        return False
    if one.style is Style.CALL and not link_is_private(one, other):
        return False
    if one.style is Style.ADD and any(mentions(each, one.receiver) for each in between):
        return False
    moved = [*one.names(), *other.names()]
    results = {result_name(one), result_name(other)}
    return not any(
        name in results or next(stores(between, name), None) is not None for name in moved
    )


def _insert(document: Document, node: Node, layer: NewLayer, flavour: Flavour) -> list[Edit]:
    place = place_of(document, node.call)
    if node.style is Style.ELEMENT:
        written = _written(document, layer, node, flavour, place)
        if not isinstance(place.parent, ast.List):
            raise CannotWrite("not an element of a list display")
        index = place.parent.elts.index(place.node)
        edit = insert_element(document, place.parent, index + 1, written.code)
        return [known(edit), *written.edits]
    if node.style is Style.ADD:
        written = _written(document, layer, node, flavour, place)
        if not isinstance(place.node, ast.Call) or not owns_its_lines(document, place.statement):
            raise CannotWrite("shares its line with another statement")
        callee = document.at(Span.of(place.node.func))
        line = f"{callee}({written.code})"
        return [_line_after(document, place.statement, line), *written.edits]
    if node.style not in {Style.CALL, Style.OP}:
        raise CannotWrite("not written out")
    code, edits = _callee_of_new(document, node, place, layer, flavour)
    statement = place.statement
    if (
        isinstance(statement, ast.Assign)
        and statement.value is place.node
        and len(statement.targets) == 1
        and isinstance(target := statement.targets[0], ast.Name)
        and owns_its_lines(document, statement)
    ):
        return [_line_after(document, statement, f"{target.id} = {code}({target.id})"), *edits]
    start, end = document.offsets(Span.of(place.node))
    return [Edit(start, start, f"{code}("), Edit(end, end, ")"), *edits]


def _callee_of_new(
    document: Document, node: Node, place: Place, layer: NewLayer, flavour: Flavour
) -> tuple[str, list[Edit]]:
    """What to call for a new layer: its construction, or in a method an attribute made for it."""
    owner = place.enclosing_class
    if owner is None:
        written = _written(document, layer, node, flavour, place)
        return written.code, list(written.edits)
    made = place_of(document, node.construct)
    written = _written(document, layer, node, flavour, made)
    statement = made.statement
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=instance), attr=attribute)]) if (
            made.enclosing_class is owner and made.scope is not place.scope
        ):
            pass
        case _:
            raise CannotWrite("no attribute beside which the new layer could be kept")
    if not owns_its_lines(document, statement):
        raise CannotWrite("shares its line with another statement")
    taken = {each.attr for each in ast.walk(owner) if isinstance(each, ast.Attribute)}
    name = base = f"{attribute}_{layer.suffix}"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    assignment = f"{instance}.{name} = {written.code}"
    receiver = _first_parameter(place)
    return f"{receiver}.{name}", [_line_after(document, statement, assignment), *written.edits]


def _first_parameter(place: Place) -> str:
    scope = place.scope
    if isinstance(scope, ast.FunctionDef) and (
        arguments := scope.args.posonlyargs + scope.args.args
    ):
        return arguments[0].arg
    raise CannotWrite("not in a method")


def _remove(document: Document, node: Node) -> list[Edit]:
    place = place_of(document, node.call)
    if node.style is Style.ELEMENT:
        if not isinstance(place.parent, ast.List):
            raise CannotWrite("not an element of a list display")
        index = place.parent.elts.index(place.node)
        return [known(remove_element(document, place.parent, index))]
    if node.style is Style.ADD:
        return [_without_statement(document, place), *_without_binding(document, node, place)]
    slot = slot_of(document, None, node, None)
    if slot is None or slot.argument is None:
        raise CannotWrite("not a call on one tensor")
    binding = _without_binding(document, node, place)
    name = result_name(slot)
    if isinstance(slot.argument, ast.Name) and slot.argument.id == name:
        return [_without_statement(document, place), *binding]
    (head, tail) = slot.pieces
    if "#" in document.text[slice(*head)] + document.text[slice(*tail)]:
        raise CannotWrite("a comment stands within the call")
    atom = isinstance(
        slot.argument, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant
    )
    before, after = ("", "") if atom else ("(", ")")
    return [Edit(*head, before), Edit(*tail, after), *binding]


def _without_binding(document: Document, node: Node, place: Place) -> list[Edit]:
    """Drop the statement that keeps a layer in a name or attribute which nothing else uses."""
    if node.construct is None or node.construct.path != document.path:
        return []
    made = Place.find(document, node.construct.span)
    if made is None or made.statement is place.statement:
        return []
    statement = made.statement
    if not isinstance(statement, ast.Assign) or statement.value is not made.node:
        return []
    uses: list[ast.AST]
    match statement.targets:
        case [ast.Name(id=name)]:
            uses = [
                each
                for each in ast.walk(made.scope)
                if isinstance(each, ast.Name) and each.id == name
            ]
        case [ast.Attribute(attr=name)] if made.enclosing_class is not None:
            uses = [
                each
                for each in ast.walk(document.tree)
                if isinstance(each, ast.Attribute) and each.attr == name
            ]
        case _:
            return []
    return [_without_statement(document, made)] if len(uses) == 2 else []


def _replace(document: Document, node: Node, layer: NewLayer, flavour: Flavour) -> list[Edit]:
    if node.style is Style.OP:
        return _replace_function(document, node, layer, flavour)
    place = place_of(document, node.construct)
    if not isinstance(place.node, ast.Call):
        raise CannotWrite("not constructed by a call")
    if "#" in document.at(Span.of(place.node)):
        raise CannotWrite("a comment stands within the call")
    extra = _name_argument(document, place.node)
    written = _written(document, layer, node, flavour, place, extra)
    return [Edit(*document.offsets(Span.of(place.node)), written.code), *written.edits]


def _replace_function(
    document: Document, node: Node, layer: NewLayer, flavour: Flavour
) -> list[Edit]:
    """`tf.add(a, b)` or `a + b` becomes `Add()([a, b])`; `tf.nn.relu(x)` becomes `ReLU()(x)`."""
    place = place_of(document, node.call)
    if place.enclosing_class is not None:
        raise CannotWrite("no place where the layer could be made")
    operands, others, extra = _operands(document, place.node, len(node.inputs))
    if any(reads_locals(place, each) for each in others):
        raise CannotWrite("an argument is a variable: other callers may give another")
    written = _written(document, layer, node, flavour, place, extra)
    before, between, after = (
        (f"{written.code}(", "", ")") if len(operands) == 1 else (f"{written.code}([", ", ", "])")
    )
    start, end = document.offsets(Span.of(place.node))
    edits = list(written.edits)
    for index, operand in enumerate(operands):
        first, last = document.offsets(Span.of(operand))
        edits.append(Edit(start, first, before if index == 0 else between))
        start = last
    edits.append(Edit(start, end, after))
    if any("#" in document.text[each.start : each.end] for each in edits):
        raise CannotWrite("a comment stands within the call")
    return edits


def _operands(
    document: Document, expression: ast.expr, count: int
) -> tuple[list[ast.expr], list[ast.expr], str]:
    """The tensors that a function or operator takes (or the list of them), the other arguments,
    and `name=…`."""
    if isinstance(expression, ast.BinOp) and count == 2:
        return [expression.left, expression.right], [], ""
    if not isinstance(expression, ast.Call):
        raise CannotWrite("not a call")
    arguments = {keyword.arg: keyword.value for keyword in expression.keywords}
    name = _name_argument(document, expression)
    arguments.pop("name", None)
    given = list(expression.args)
    if any(isinstance(each, ast.Starred) for each in given):
        raise CannotWrite("arguments given as `*`")
    tensors = given[:count]
    if given and isinstance(given[0], ast.List):
        tensors = given[:1]
    elif not given:
        key = next((each for each in INPUT_KEYWORDS if each in arguments), None)
        tensors = [arguments.pop(key)] if key is not None else []
        if count > 1 and not isinstance(tensors[0] if tensors else None, ast.List):
            tensors = []
    if not tensors:
        raise CannotWrite("the tensors are not written in the call")
    return tensors, [*given[len(tensors) :], *arguments.values()], name


def _name_argument(document: Document, call: ast.Call) -> str:
    for keyword in call.keywords:
        if keyword.arg == "name":
            return document.at(Span.of(keyword))
        if keyword.arg is None:
            raise CannotWrite("arguments given as `**`")
    return ""


def _written(
    document: Document,
    layer: NewLayer,
    node: Node,
    flavour: Flavour,
    place: Place,
    extra: str = "",
) -> names.Written:
    """The constructor call of a new layer, as it can stand at `place`."""
    attrs = {
        key: _given(document, value, place) if isinstance(value, Given) else value
        for key, value in layer.attrs.items()
    }
    layer = replace(layer, attrs=attrs)
    written = names.layer(document, layer, node, flavour, extra)
    if written is None:
        raise CannotWrite(f"no name for {layer.cls} in this file")
    return written


def _given(document: Document, given: Given, place: Place) -> names.Source:
    made = place_of(document, given.node.construct)
    value = None
    if isinstance(made.node, ast.Call):
        value = argument(made.node, given.node, given.key)
    if value is None:
        raise CannotWrite("the argument is not written in the call")
    if made.scope is not place.scope and reads_locals(made, value):
        raise CannotWrite("the argument is a variable of another function")
    return names.Source(document.at(Span.of(value)))


def _line_after(document: Document, statement: ast.stmt, code: str) -> Edit:
    _, end = document.offsets(Span.of(statement))
    end += len(rest_of_line(document, end))
    return Edit(end, end, f"{document.newline}{indentation(document, statement)}{code}")


def _without_statement(document: Document, place: Place) -> Edit:
    """Delete a statement with its lines; its comment stays, and a block never becomes empty."""
    statement = place.statement
    if not owns_its_lines(document, statement):
        raise CannotWrite("shares its line with another statement")
    start, end = document.offsets(Span.of(statement))
    comment = rest_of_line(document, end)
    if len(place.block) == 1:
        return Edit(start, end, "pass")
    if comment.strip():
        return Edit(start, end + len(comment) - len(comment.lstrip()), "")
    first = document.line_starts[statement.lineno - 1]
    following = statement.end_lineno or statement.lineno
    last = (
        document.line_starts[following]
        if following < len(document.line_starts)
        else len(document.text)
    )
    return Edit(first, last, "")
