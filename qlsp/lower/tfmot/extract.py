"""Read tfmot's default 8-bit tables out of its installed sources, as data for `lower`.

    python -m qlsp.lower.tfmot.extract FOLDER [FOLDER ...]

Each FOLDER holds one unpacked tfmot (`pip install --no-deps --target FOLDER
tensorflow-model-optimization==X`); the version is read from it. Nothing is imported from it:
its sources are read with `ast`. Rewrites `tables.json` beside this file, in which versions
with equal tables share one entry.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_KERAS = Path("tensorflow_model_optimization/python/core/quantization/keras")
_VERSION = Path("tensorflow_model_optimization/python/core/version.py")
_TABLES = Path(__file__).with_name("tables.json")

_CONFIGS = {
    "NoOpQuantizeConfig": "nothing",
    "Default8BitOutputQuantizeConfig": "output",
}
"""Quantize configs that transforms hand out, and what they quantize."""


def main(folders: list[str]) -> None:
    """Write the tables of the tfmot versions in `folders`."""
    versions: dict[str, str] = {}
    tables: dict[str, dict[str, Any]] = {}
    for folder in map(Path, folders):
        table = extract(folder / _KERAS)
        version = _version(folder / _VERSION)
        same = [name for name, known in tables.items() if known == table]
        if not same:
            tables[version] = table
        versions[version] = same[0] if same else version
    content = {"versions": versions, "tables": tables}
    _TABLES.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def extract(keras: Path) -> dict[str, Any]:
    """The tables of one version; `keras` is its `quantization/keras` folder."""
    registry = _parse(keras / "default_8bit/default_8bit_quantize_registry.py")
    transforms = _parse(keras / "default_8bit/default_8bit_transforms.py")
    layout = _parse(keras / "default_8bit/default_8bit_quantize_layout_transform.py")
    aware = _parse(keras / "quantize_aware_activation.py")
    quantize = _parse(keras / "quantize.py")
    return {
        "layers": _layers(registry),
        "activation_layer": _activation_layer(registry),
        "activations": _activations(aware),
        "transforms": _transforms(layout, transforms),
        "skips_lambda": "Lambda" in _attributes(_function(quantize, "quantize_annotate_model")),
        "wants_bias": _wants_bias(transforms),
        "messages": _messages(quantize, aware),
    }


def _version(path: Path) -> str:
    names = {
        target.id: str(node.value.value)
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return ".".join(names[f"_{part}_VERSION"] for part in ("MAJOR", "MINOR", "PATCH"))


def _layers(registry: ast.Module) -> dict[str, dict[str, Any]]:
    """Per supported layer: whether its weights, its activation and its output get a range."""
    found: dict[str, dict[str, Any]] = {}
    for call in _calls(registry, "_QuantizeInfo"):
        layer, weights, activations, *output = call.args
        if isinstance(layer, ast.Attribute):
            found[layer.attr] = {
                "weights": bool(ast.literal_eval(weights)),
                "activation": bool(ast.literal_eval(activations)),
                "output": bool(output and ast.literal_eval(output[0])),
            }
    for call in _calls(registry, "_no_quantize"):
        if isinstance(call.args[0], ast.Attribute):
            found[call.args[0].attr] = {"weights": False, "activation": False, "output": False}
    for node in ast.walk(registry):
        # self._layer_quantize_map[layers.Conv2D] = SomeConfig([...], [...], False)
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Subscript)
            and isinstance(node.targets[0].slice, ast.Attribute)
            and isinstance(node.value, ast.Call)
            and len(node.value.args) == 3
        ):
            weights, activations, output_ = (ast.literal_eval(arg) for arg in node.value.args)
            found[node.targets[0].slice.attr] = {
                "weights": bool(weights),
                "activation": bool(activations),
                "output": bool(output_),
            }
    return found


def _activation_layer(registry: ast.Module) -> dict[str, Any]:
    """Activations that `Activation` may have, with a range on the output and without."""
    function = _function(
        _class(registry, "Default8BitActivationQuantizeConfig"), "get_output_quantizers"
    )
    ranged, plain = (
        sorted(ast.literal_eval(node.comparators[0]))
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In)
    )
    return {"output": ranged, "none": plain}


def _activations(aware: ast.Module) -> dict[str, list[str]]:
    """Activations that `activation=` of a layer may have, by where they put ranges."""
    values = {
        target.id: sorted(ast.literal_eval(node.value.args[0]))
        for node in ast.walk(_class(aware, "QuantizeAwareActivation"))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "frozenset"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {
        "before": values["_PRE_QUANT_ACTIVATIONS"],
        "after": values["_POST_QUANT_ACTIVATIONS"],
        "neither": values["_NO_QUANTIZE_ACTIVATIONS"],
    }


def _transforms(layout: ast.Module, transforms: ast.Module) -> list[dict[str, Any]]:
    """The layout transforms in the order in which they are applied."""
    classes = {node.name: node for node in transforms.body if isinstance(node, ast.ClassDef)}
    found = []
    for node in ast.walk(_function(layout, "apply")):
        if isinstance(node, ast.List):
            for call in node.elts:
                assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
                name = call.func.attr
                found.append(
                    {
                        "name": name,
                        "pattern": _pattern(classes, name),
                        "sets": _sets(classes, name),
                        "guarded": _guarded(classes, name),
                    }
                )
    return found


def _pattern(classes: dict[str, ast.ClassDef], name: str) -> dict[str, Any]:
    """What `pattern()` of a transform returns."""
    owner, function = _method(classes, name, "pattern")
    returned = next(node for node in ast.walk(function) if isinstance(node, ast.Return))
    return _layer_pattern(classes, owner, returned.value)


def _wants_bias(transforms: ast.Module) -> bool:
    """Whether a separable convolution is always taken to have a bias."""
    classes = {node.name: node for node in transforms.body if isinstance(node, ast.ClassDef)}
    name = "SeparableConvQuantize"
    if name not in classes:
        return False
    always = _method(classes, name, "replacement")[1].body
    return any(
        isinstance(each, ast.Assign) and "sepconv_weights[2]" in ast.unparse(each)
        for each in always
    )


def _layer_pattern(
    classes: dict[str, ast.ClassDef], owner: str, node: ast.expr | None
) -> dict[str, Any]:
    assert isinstance(node, ast.Call)
    if isinstance(node.func, ast.Attribute):  # super(X, self).pattern() or X.pattern(self)
        value = node.func.value
        if isinstance(value, ast.Name):
            return _pattern(classes, value.id)
        return _pattern(classes, _base(classes[owner]))
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    inputs = keywords.get("inputs")
    config = keywords.get("config")
    return {
        "class": ast.literal_eval(node.args[0]),
        "config": ast.literal_eval(config) if config else {},
        "inputs": [_layer_pattern(classes, owner, each) for each in inputs.elts]
        if isinstance(inputs, ast.List)
        else [],
    }


def _sets(classes: dict[str, ast.ClassDef], name: str) -> dict[str, str] | None:
    """What the replacement of a transform sets on the layers it matched.

    By role: `relu`, `bn`, `conv`, `dense` or `add` (the matched layer's variable in the
    source), the quantize config given (`nothing`, `output`), or `no activation`. None for a
    transform that builds new layers, which `lower` knows by name.
    """
    bodies = _replacement(classes, name)
    if any(_attribute_called(body, "LayerNode") for body in bodies) or "Concat" in name:
        return None
    found: dict[str, str] = {}
    for body in bodies:
        for node in ast.walk(body):
            if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)):
                continue
            target = node.targets[0]
            role = ast.unparse(target).split("_layer_node")[0]
            key = ast.literal_eval(target.slice)
            if key == "quantize_config":
                config = next(iter(_attributes(node.value) & _CONFIGS.keys()))
                found[role] = _CONFIGS[config]
            elif key == "activation":
                found[role] = "no activation"
    return found


def _guarded(classes: dict[str, ast.ClassDef], name: str) -> bool:
    """Whether it leaves layers alone that already have a quantize config."""
    bodies = _replacement(classes, name)
    return any(_attribute_called(body, "_has_custom_quantize_config") for body in bodies)


def _replacement(classes: dict[str, ast.ClassDef], name: str) -> list[ast.FunctionDef]:
    """The methods that do the replacing."""
    _, function = _method(classes, name, "replacement")
    if any(_is_self_call(node, "_replace") for node in ast.walk(function)):
        return [function, _method(classes, name, "_replace")[1]]
    return [function]


def _messages(quantize: ast.Module, aware: ast.Module) -> dict[str, str]:
    """The texts of what `quantize_model` raises, with tfmot's own placeholders."""
    texts = {
        text
        for module in (quantize, aware)
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str)
    }
    found = {}
    for key, start in {
        "layer": "Layer {}:{} is not supported",
        "nested": "Quantizing a ",
        "model": "`to_quantize` can only either be",
        "activation": "Only some Keras activations",
        "clone": "Unable to clone model",
    }.items():
        matches = [text for text in texts if text.startswith(start)]
        if matches:
            found[key] = re.sub(r"\s+", " ", max(matches, key=len))
    return found


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _class(tree: ast.AST, name: str) -> ast.ClassDef:
    return next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name)


def _function(tree: ast.AST, name: str) -> ast.FunctionDef:
    return next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name)


def _base(node: ast.ClassDef) -> str:
    base = node.bases[0]
    return base.id if isinstance(base, ast.Name) else ""


def _method(
    classes: dict[str, ast.ClassDef], name: str, method: str
) -> tuple[str, ast.FunctionDef]:
    """The class that defines `method` for `name`, and the definition."""
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef) and node.name == method:
            return name, node
    return _method(classes, _base(classes[name]), method)


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """Calls of `name(...)` or `self.name(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {name, f"self.{name}"}:
            yield node


def _is_self_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == f"self.{name}"


def _attribute_called(tree: ast.AST, name: str) -> bool:
    return any(True for _ in _calls(tree, name))


def _attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


if __name__ == "__main__":
    main(sys.argv[1:])
