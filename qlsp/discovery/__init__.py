"""Which versions a project uses, and which measured toolchains stand for them.

Told, from the strongest: `[tool.qlsp]`, the packages installed in the project's environment, exact
pins, ranges. What nobody tells stays open: then every measured toolchain counts.
"""

from qlsp.discovery.sources import fingerprint

__all__ = ["fingerprint"]
