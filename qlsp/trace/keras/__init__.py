"""What the tracer knows about Keras: names, signatures, shapes, layer order and layer names.

`names` says what a dotted path means, `signatures` what the arguments of a call are, `shapes` what
comes out of a layer or op, `order` in which order a model lists its layers, and `naming` what Keras
calls them. Nothing here interprets source.
"""
