"""What rules ask of fake-quantization placed by hand or by `contrib.quantize`."""

from __future__ import annotations

from qlsp.trace.graph import LayerGraph, Node
from qlsp.trace.graph_mode import FAKE_QUANT


def is_fake_quant(node: Node) -> bool:
    """Whether the node rounds its input to a range of 8 bits, as the kernel would."""
    return node.kind == "op" and node.cls.startswith(FAKE_QUANT)


def is_quantized(graph: LayerGraph) -> bool:
    """Whether the code means its graph for 8 bits, to judge by the fake-quantization in it."""
    on_weights = any(effect.symbol.startswith(FAKE_QUANT) for effect in graph.effects)
    return on_weights or any(map(is_fake_quant, graph.nodes)) or is_rewritten(graph)


def is_rewritten(graph: LayerGraph) -> bool:
    """Whether `contrib.quantize` places the fake-quantization."""
    return any("contrib.quantize" in effect.symbol for effect in graph.effects)


def is_whole(graph: LayerGraph) -> bool:
    """Whether the graph holds its placeholders, so that nothing is placed behind it elsewhere."""
    return any(node.cls == "tf.placeholder" for node in graph.nodes)


def name(node: Node) -> str:
    """What to call an op or layer in a message: `relu6`, `conv2d`, `Conv2D`."""
    return node.cls.rpartition(".")[2]
