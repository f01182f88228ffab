"""Rewrites of the layer graph, written out in every style in which models are written.

Rules speak of `operations`; `draft` says what graph they lead to, `write` how the source has to
change. Tracing the changed source must give the drafted graph, or there is no fix.
"""

from qlsp.rules.rewrite.operations import (
    Given,
    InsertAfter,
    NewLayer,
    Operation,
    Remove,
    RemoveArgument,
    RemoveCallArgument,
    Replace,
    SetArgument,
    Swap,
)

__all__ = [
    "Given",
    "InsertAfter",
    "NewLayer",
    "Operation",
    "Remove",
    "RemoveArgument",
    "RemoveCallArgument",
    "Replace",
    "SetArgument",
    "Swap",
]
