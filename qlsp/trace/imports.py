"""Import statements: names from files of the project, and names of things outside."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from qlsp.trace import library
from qlsp.trace import values as v
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import resolve
from qlsp.trace.scope import Module, Scope
from qlsp.trace.values import MISSING, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_LIBRARIES = frozenset({"keras", "tf", "tfmot", "slim"})


def import_modules(run: Interpreter, node: ast.Import, scope: Scope) -> None:
    """`import a.b as c`."""
    for alias in node.names:
        if alias.asname:
            value = find_module(run, alias.name, scope.module)
            name = alias.asname
        else:
            name = alias.name.partition(".")[0]
            find_module(run, alias.name, scope.module)
            value = find_module(run, name, scope.module)
        run.trail.set(scope.binding(name), name, value)


def import_names(run: Interpreter, node: ast.ImportFrom, scope: Scope) -> None:
    """`from a.b import c as d`."""
    base = absolute(node, scope.module)
    for alias in node.names:
        if alias.name == "*":
            _import_star(run, base, scope)
            continue
        name = alias.asname or alias.name
        run.trail.set(scope.binding(name), name, _member(run, base, alias.name, scope.module))


def absolute(node: ast.ImportFrom, module: Module) -> str:
    """The dotted name of the module an import statement names, relative ones resolved."""
    name = node.module or ""
    if not node.level:
        return name
    parts = module.package.split(".") if module.package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, name] if name else parts)


def find_module(run: Interpreter, name: str, importer: Module) -> Value:
    """A module of the project (its body has been run), or a name for one outside."""
    if name in run.modules:
        return run.modules[name]
    if known_outside(name):
        return v.External(name)
    path = run.project.find(name, importer)
    document = run.project.document(path) if path else None
    if path is None or document is None:
        return v.External(name)
    found = run.files.get(path)
    if found is None:
        is_package = path.endswith("__init__.py")
        package = name if is_package else name.rpartition(".")[0]
        found = Module(name, document, package)
        run.budget.spend(len(document.text) // 64)
        run.files[path] = found
        run.modules[name] = found
        run.run_module(found)
    run.modules[name] = found
    return found


def known_outside(name: str) -> bool:
    """Whether a module is Keras's or TensorFlow's own, so that its files are not followed.

    Keras's applications are followed: they are model code like any other.
    """
    found = resolve(name)
    if found is None or found.symbol.startswith("keras.applications"):
        return False
    return found.symbol.partition(".")[0] in _LIBRARIES


def _member(run: Interpreter, base: str, name: str, importer: Module) -> Value:
    whole = f"{base}.{name}" if base else name
    if known_outside(whole) or whole in library.FUNCTIONS:
        return attribute_outside(base, name)
    module = find_module(run, base, importer) if base else None
    if isinstance(module, Module):
        found = module.names.get(name, MISSING)
        if found is not MISSING:
            return found
        found = from_stars(run, module, name)
        if found is not MISSING:
            return found
    inner = find_module(run, whole, importer)
    if isinstance(inner, Module):
        return inner
    if isinstance(module, Module):
        return Unknown(f"the name `{name}` of `{base}`, which nothing binds")
    return attribute_outside(base, name)


def attribute_outside(base: str, name: str) -> Value:
    """A name of a module outside the project."""
    whole = f"{base}.{name}" if base else name
    if whole in library.CONSTANTS:
        return library.CONSTANTS[whole]
    return v.External(whole)


def _import_star(run: Interpreter, base: str, scope: Scope) -> None:
    module = find_module(run, base, scope.module)
    if not isinstance(module, Module):
        if base not in scope.module.stars:
            scope.module.stars.insert(0, base)
        return
    public = module.names.get("__all__")
    wanted = None
    if isinstance(public, v.List):
        public = tuple(public.items)
    if isinstance(public, tuple):
        wanted = {item for item in public if isinstance(item, str)}
    # In one arm `from keras.ops import *`, in the other a module of the project's own.
    one_of_two = bool(run.conditions and scope.module.stars)
    for name, value in list(module.names.items()):
        if name in wanted if wanted is not None else not name.startswith("_"):
            if one_of_two and name not in scope.names:
                value = Unknown(f"the name `{name}`, which depends on a condition")
            run.trail.set(scope.names, name, value)
    for star in module.stars:
        if star not in scope.module.stars:
            scope.module.stars.append(star)


def from_stars(run: Interpreter, module: Module, name: str) -> Value:
    """A name that a star import from outside the project brings, or `MISSING`."""
    for star in module.stars:
        known = resolve(f"{star}.{name}")
        if known is None:
            continue
        callee = known.last if known.kind == "layer" else known.symbol
        if known.kind in ("model", "sequential", "input", "layer_function") or (
            signatures.find(callee, known.flavour) is not None
        ):
            return v.External(f"{star}.{name}")
    return MISSING


def module_attribute(run: Interpreter, module: Module, name: str) -> Value:
    """`module.name`: what its body binds, or a module inside its package."""
    found = module.names.get(name, MISSING)
    if found is not MISSING:
        return found
    found = from_stars(run, module, name)
    if found is not MISSING:
        return found
    if module.path.endswith("__init__.py"):
        inner = find_module(run, f"{module.name}.{name}", module)
        if isinstance(inner, Module):
            return inner
    if name in ("__name__", "__file__"):
        return module.name if name == "__name__" else module.path
    return Unknown(f"the name `{name}` of module `{module.name}`")


def module(run: Interpreter, name: str) -> Value:
    """`importlib.import_module(name)`."""
    return find_module(run, name, run.main) if run.main else v.External(name)
