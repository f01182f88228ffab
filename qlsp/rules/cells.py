"""The workflows and toolchains that a piece of code can be meant for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from packaging.version import Version

from qlsp.lower import behaviour
from qlsp.lower.keras.construction import has_layer
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace.graph import Flavour, LayerGraph

_FIRST_KERAS_3 = Version("2.16")
_FIRST_TF_KERAS = Version("2.13")


class Cell(NamedTuple):
    """One workflow under one toolchain."""

    workflow: Workflow
    toolchain: Toolchain


def cells_of(
    graph: LayerGraph, workflows: Sequence[Workflow], toolchains: Sequence[Toolchain]
) -> tuple[Cell, ...]:
    """The cells of `graph`: without toolchains that lack its Keras or one of its layers.

    If all lack it, the settings are believed, and all are taken.
    """
    possible = _with_layers_of(graph, _admitted(graph.flavour, toolchains))
    return tuple(_cells(workflows, possible))


def _cells(workflows: Sequence[Workflow], toolchains: Sequence[Toolchain]) -> Iterator[Cell]:
    for workflow in workflows:
        for toolchain in toolchains:
            # tfmot accepts no Keras 3 model, whatever is in it.
            if workflow == "qat" and (toolchain.tfmot is None or toolchain.keras == 3):
                continue
            yield Cell(workflow, toolchain)


def _admitted(flavour: Flavour, toolchains: Sequence[Toolchain]) -> Sequence[Toolchain]:
    return [each for each in toolchains if _admits(flavour, each)] or toolchains


def _with_layers_of(graph: LayerGraph, toolchains: Sequence[Toolchain]) -> Sequence[Toolchain]:
    """Those whose Keras has all layer classes of the graph; all of them if none has."""
    classes = {node.cls for node in graph.flat.nodes if node.kind == "layer"}
    return [
        each
        for each in toolchains
        if all(has_layer(cls, behaviour("ptq", each)) for cls in classes)
    ] or toolchains


def _admits(flavour: Flavour, toolchain: Toolchain) -> bool:
    """Whether code written for `flavour` can run there."""
    tensorflow = Version(toolchain.tensorflow)
    if flavour == "tf_keras":
        return toolchain.keras == 2 and tensorflow >= _FIRST_TF_KERAS
    if flavour == "keras3":
        return toolchain.keras == 3 or tensorflow < _FIRST_KERAS_3
    return True
