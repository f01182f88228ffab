"""Hostile sources end in holes, not in exceptions, hangs or gigabytes."""

from __future__ import annotations

import resource
import sys

import pytest

from qlsp.source.document import Document, SourceError
from qlsp.trace import Trace, trace
from qlsp.trace.budget import Limits
from tests.trace.describe import HEADER

_LIMITS = Limits(fuel=30_000, total=60_000)


def _traced(source: str) -> Trace:
    found = trace(Document("/nowhere/model.py", HEADER + source), limits=_LIMITS)
    for graph in found.graphs:
        assert len(graph.nodes) < 20_000
        assert len(graph.flat.nodes) < 100_000
    return found


CASES: dict[str, str] = {
    "endless recursion": "def f(x, n):\n return f(L.Dense(n)(x), n + 1)\n",
    "recursion under unknown conditions": "def f(x, n):\n if n: return f(f(L.Dense(1)(x), n), n)\n"
    " return L.Dense(2)(f(x, n))\n",
    "mutual recursion": "def f(x): return g(L.Dense(1)(x))\ndef g(x): return f(L.Dense(2)(x))\n",
    "exponential recursion": "def fib(n): return 1 if n < 2 else fib(n - 1) + fib(n - 2)\n"
    "m = keras.Sequential([L.Dense(fib(60))])\n",
    "exponential branching": "def f(x, a):\n"
    + "".join(f" if a[{i}]: x = L.Dense({i})(x)\n else: x = L.ReLU()(x)\n" for i in range(200))
    + " return x\n",
    "many early returns": "def f(x, a):\n"
    + "".join(f" if a[{i}]: return L.Dense({i})(x)\n" for i in range(200))
    + " return x\n",
    "nested conditions": "def f(x, a):\n"
    + "".join(f"{' ' * i} if a[{i}]:\n{' ' * i}  x = L.Dense(3)(x)\n" for i in range(80))
    + " return x\n",
    "a loop of a billion turns": "def f(x):\n for i in range(10**9): x = L.Dense(i)(x)\n"
    " return x\n",
    "an endless loop": "def f(x):\n while True: x = L.Dense(3)(x)\n",
    "counting to a billion": "n = 0\nwhile n < 10**9: n += 1\nm = keras.Sequential([L.Dense(n)])\n",
    "nested loops": "def f(x):\n"
    + "".join(f"{' ' * i} for i{i} in range(100):\n" for i in range(10))
    + f"{' ' * 11}x = L.Dense(3)(x)\n",
    "nested unknown loops": "def f(x, a):\n"
    + "".join(f"{' ' * i} for i{i} in a:\n" for i in range(10))
    + f"{' ' * 11}x = L.Dense(3)(x)\n",
    "an endless generator": "def g():\n while True: yield L.Dense(3)\n"
    "m = keras.Sequential(list(g()))\n",
    "long lists": f"x = [{'1,' * 50_000}]\nm = keras.Sequential([L.Dense(3)])\n",
    "repetition": "x = [0] * 10**9\ny = 'a' * 10**10\nz = (1,) * 10**9\n",
    "doubling": "x, l, t = 'a', [1], (1,)\n" + "x += x\nl = l + l\nt = t + t\n" * 60,
    "large powers": "x = 10**10**10\ny = 2**(10**8)\nz = 1 << 10**10\nw = 9**9**9**9\n",
    "squaring": "x = 3\nfor i in range(1000): x = x * x\n",
    "long numbers as text": "x = int('9' * 90000)\ny = str(10**4000) * 9\nz = '%d' % 10**4000\n",
    "wide formats": "a = '%1000000000d' % 1\nb = '{:1000000000}'.format(1)\n"
    "c = f'{1:>1000000000}'\n"
    "d = '{:{}}'.format(1, 10**10)\ne = '%*d' % (10**9, 1)\nf = 'a'.ljust(10**10)\n"
    "g = f'{1:>{10**9}}'\n",
    "replacing": "x = 'a' * 10000\nfor i in range(10): x = x.replace('a', 'a' * 1000)\n",
    "long ranges": "r = range(10**9)\na = list(r)\nb = sum(r)\nc = max(r)\nd = sorted(r)\n"
    "*e, f = r\n"
    "print(*r)\nh = [*r]\nlist(zip(r, r))\nlist(enumerate(r))\nset(r)\n''.join(r)\n",
    "combinations": "import itertools, math\na = list(itertools.product(range(999), repeat=9))\n"
    "b = math.factorial(10**7)\nc = math.comb(10**6, 10**5)\nd = math.prod(range(1, 10**6))\n",
    "a list within itself": "import copy\nl = []\nl.append(l)\ns = str(l)\nt = l == l\n"
    "m = keras.Sequential(l)\nd = L.Dense(l)(l)\ncopy.deepcopy(l)\n",
    "a class of itself": "class A(A): pass\nclass C(L.Layer):\n def __init__(self): self.c = C()\n"
    " def call(self, x): return self.c(self(x))\n",
    "attributes of themselves": "class A:\n @property\n def x(self): return self.x\n"
    " def __getattr__(self, n): return getattr(self, n)\n def __bool__(self): return bool(self)\n"
    " def __iter__(self): return iter(self)\n def __len__(self): return len(self)\n"
    " def __add__(self, o): return self + o\n"
    "a = A()\na.x\na.y\nfor i in a: pass\na + a\nlen(a)\nif a: pass\n",
    "models within models": "class Net(keras.Model):\n def __init__(self, d=0):\n"
    "  super().__init__()\n  self.l = [Net(d + 1) for _ in range(3)] if d < 20 else []\n"
    " def call(self, x):\n  for l in self.l: x = l(x)\n  return x\n",
    "a Sequential within itself": "m = keras.Sequential()\nm.add(m)\nm.add(L.Dense(3))\n"
    "m(m.output)\n",
    "doubling Sequentials": "m = keras.Sequential([L.Dense(1)])\n"
    + "m = keras.Sequential([m, m])\n" * 25,
    "doubling models": "i = keras.Input((3,))\nm = keras.Model(i, L.Dense(3)(i))\n"
    + "m = keras.Model(i, m(m(i)))\n" * 25,
    "a dict of a million": "d = {}\nfor i in range(10**6): d[i] = L.Dense(i)\n",
    "a decorator of itself": "def d(f): return d(f)\n@d\ndef g(x): return L.Dense(3)(x)\n",
    "a long line of classes": "class C0: pass\n"
    + "".join(f"class C{i}(C{i - 1}): pass\n" for i in range(1, 300)),
    "closures of closures": "f = lambda x: L.Dense(1)(x)\n"
    + "f = (lambda g: lambda x: L.Dense(1)(g(x)))(f)\n" * 500
    + "m = f(keras.Input((3,)))\n",
    "evaluating itself": "def f(): return eval('f()')\nf()\neval('(' * 500 + ')' * 500)\n",
    "undefined names": "from nowhere import *\nfoo(bar)(baz)[qux].x.y()\nL.Conv2D(*a, **b)(c)\n",
    "odd text": "é = L.Dense(3)\nm = keras.Sequential([é])\nx = '\\ud800'\n",
    "many functions": "".join(
        f"def f{i}(x):\n for j in range(10**4): x = L.Dense(j)(x)\n return x\n" for i in range(100)
    ),
    "deep attributes": f"x = a{'.b' * 500}{'()' * 300}{'[0]' * 300}\n",
    "deep lambdas": f"x = {'lambda: ' * 300}L.Dense(1)\n",
    "deep lists": f"x = {'[' * 90}{']' * 90}\nm = keras.Sequential(x)\n",
}


@pytest.mark.parametrize("name", CASES)
def test_bounded(name: str) -> None:
    _traced(CASES[name])


def test_memory_stays_bounded() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for source in CASES.values():
        _traced(source)
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 300_000  # kB


@pytest.mark.parametrize(
    "expression",
    [
        "+".join(["1"] * 10_000),
        "(" * 10_000 + ")" * 10_000,
        "a" + ".b" * 10_000,
        "-" * 10_000 + "1",
    ],
    ids=["sum", "parentheses", "attributes", "signs"],
)
def test_expressions_too_deep_to_parse(expression: str) -> None:
    with pytest.raises(SourceError):
        _traced(f"x = {expression}\n")


@pytest.mark.parametrize("terms", [300, 1500])
def test_an_expression_too_deep_to_follow_is_a_hole(terms: int) -> None:
    found = _traced(
        f"n = {' + '.join(['1'] * terms)}\nm = keras.Sequential([L.Dense(4), L.Dense(n)])\n"
    )
    assert [node.cls for node in found.graphs[0].nodes[1:]] == ["Dense", "Dense"]


def test_the_work_done_counts_statements_not_seconds() -> None:
    source = "def f(x):\n for i in range(9):\n  x = L.Dense(i)(x)\n return x\n"
    few = trace(Document("/nowhere/model.py", HEADER + source), limits=Limits(fuel=60))
    (graph,) = few.graphs
    assert not graph.complete
    assert all(node.escapes for node in graph.nodes)


def test_a_function_that_makes_no_layer_for_long_is_left() -> None:
    source = (
        "def busy(x, a):\n"
        " for i in range(1000): a.append(i * i + i)\n"
        " return L.Dense(1)(x)\n"
        "def net(x):\n"
        " sizes = [n * n for n in range(100)]\n"
        " for size in sizes: x = L.Dense(size)(x)\n"
        " return x\n"
    )
    limits = Limits(patience=1_000)
    found = trace(Document("/nowhere/model.py", HEADER + source), limits=limits)
    assert [graph.name for graph in found.graphs] == ["net"]
    assert len(found.graphs[0].nodes) == 101


def test_making_layers_keeps_a_function_going() -> None:
    limits = Limits(patience=200)
    source = "def net(x):\n" + " for i in range(500): x = L.Dense(i)(x)\n" + " return x\n"
    found = trace(Document("/nowhere/model.py", HEADER + source), limits=limits)
    assert len(found.graphs[0].nodes) == 501
