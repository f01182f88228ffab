"""Classes of Keras whose construction is recorded go on as they are."""

from __future__ import annotations

import inspect

from qlsp.verify.runner.provenance import _wrap, site_of


def test_parameters_read_alike_in_every_way() -> None:
    class Operation:
        """As in Keras 3, whose `Operation.__new__` puts both readings of `__init__` together."""

        def __init__(self, name: str | None = None) -> None:
            self.name = name

    class Multiply(Operation):
        pass

    _wrap(Operation)
    read = inspect.getfullargspec(Multiply.__init__)
    kinds = {each.kind for each in inspect.signature(Multiply.__init__).parameters.values()}
    assert (read.varargs is not None) == (inspect.Parameter.VAR_POSITIONAL in kinds)
    made = Multiply("scaled")
    assert made.name == "scaled"
    assert site_of(made)[0][0] == __file__
