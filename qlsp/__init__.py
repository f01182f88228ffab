"""qlsp: the quantization language server for Keras."""

__version__ = "0.1.0"
