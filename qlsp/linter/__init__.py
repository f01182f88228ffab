"""From a document to its diagnostics and fixes: what the command line and the server call."""

from qlsp.linter.fix import FixResult, fix
from qlsp.linter.lint import lint

__all__ = ["FixResult", "fix", "lint"]
