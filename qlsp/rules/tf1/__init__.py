"""Rules about TensorFlow 1: fake-quantization, `contrib.quantize` and TOCO."""
