"""Which operators a device runs, as its maker's tools list them.

`operators.json` says per device where the list is from, and of which version: for Ethos-U the
operators that Vela may place on the NPU, for TensorFlow Lite Micro those that it has kernels for,
for Edge TPU those that its compiler maps. `decided`, where it is there, says in which part of the
alphabet the list is known to be whole: what is missing elsewhere may run or not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Device:
    """A device and its operators."""

    title: str
    source: str
    version: str
    operators: frozenset[str]
    """TFLite names, as in `CONV_2D`."""
    first: str
    last: str
    """Between these names, in the alphabet, the operators are known to be all."""

    @property
    def has_processor(self) -> bool:
        """Whether a processor beside it takes what it does not run."""
        return self.title != "TensorFlow Lite Micro"

    def lacks(self, operator: str) -> bool:
        """Whether the device certainly does not run an operator."""
        return operator not in self.operators and self.first <= operator <= self.last


@cache
def device(name: str) -> Device | None:
    """The device called `name` in the settings; None for those that run every operator.

    The number of multipliers may follow, as in Vela's `ethos-u55-128`: it decides nothing here.
    """
    data = json.loads(files(__package__).joinpath("operators.json").read_text(encoding="utf-8"))
    found = data.get("-".join(name.split("-")[:2]))
    if found is None:
        return None
    first, last = found.get("decided", ("", "~"))
    return Device(
        *(found["title"], found["source"], found["version"]),
        *(frozenset(found["operators"]), first, last),
    )
