"""The runtime check: build, quantize, convert, read the flatbuffer, compare."""
