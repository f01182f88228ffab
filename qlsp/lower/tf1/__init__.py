"""TensorFlow 1: what `contrib.quantize` and the TOCO converter make of a graph."""
