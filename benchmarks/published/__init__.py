"""Models of public packages, converted once: what became of their layers, kept as data."""
