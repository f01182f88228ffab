"""Python that model code is written in: each case makes one `Dense` per expected number."""

from __future__ import annotations

from textwrap import indent

import pytest

from tests.trace.describe import built

# A title, statements that leave `units`, a list, and what it must be.
CASES: list[tuple[str, str, list[object]]] = [
    ("constant", "units = [3]", [3]),
    ("tuple", "units = (3, 4)", [3, 4]),
    ("arithmetic", "units = [2 + 3 * 4, 7 // 2, 7 % 4, 2 ** 5, 7 / 2, -3, ~3]",
     [14, 3, 3, 32, 3.5, -3, -4]),
    ("bits", "units = [1 << 4, 6 & 3, 6 | 3, 6 ^ 3, 17 >> 2]", [16, 2, 7, 5, 4]),
    ("augmented", "n = 2\nn *= 3\nn += 1\nunits = [n]", [7]),
    ("list augmented", "units = [1]\nunits += [2]\nunits *= 2", [1, 2, 1, 2]),
    ("comparison chain", "n = 5\nunits = [1 if 0 < n <= 5 else 2]", [1]),
    ("boolean operators", "units = [0 or 3, 4 and 5, None or 6]", [3, 5, 6]),
    ("not", "units = [1 if not [] else 2]", [1]),
    ("conditional", "n = 3\nunits = [1 if n > 2 else 2]", [1]),
    ("if elif else", "n = 3\nif n < 2: u = 1\nelif n < 4: u = 2\nelse: u = 3\nunits = [u]", [2]),
    ("in", "units = [1 if 3 in (1, 2, 3) and 'a' not in {'b': 1} else 2]", [1]),
    ("is None", "n = None\nif n is None: n = 4\nunits = [n]", [4]),
    ("for", "units = []\nfor i in range(3): units.append(i + 1)", [1, 2, 3]),
    ("for else", "for i in [1, 2]: pass\nelse: i = 9\nunits = [i]", [9]),
    ("break", "units = []\nfor i in range(9):\n  if i == 2: break\n  units.append(i + 1)", [1, 2]),
    ("continue", "units = []\nfor i in range(4):\n  if i % 2: continue\n  units.append(i + 1)",
     [1, 3]),
    ("while", "n, units = 8, []\nwhile n > 1:\n  units.append(n)\n  n //= 2", [8, 4, 2]),
    ("while true", "n = 1\nwhile True:\n  n *= 2\n  if n > 10: break\nunits = [n]", [16]),
    ("nested loops", "units = [a * b for a in (1, 2) for b in (3, 4)]", [3, 4, 6, 8]),
    ("comprehension with if", "units = [n for n in range(1, 6) if n % 2]", [1, 3, 5]),
    ("dict comprehension", "d = {k: k * 2 for k in (1, 2)}\nunits = [d[1], d[2]]", [2, 4]),
    ("set comprehension", "units = sorted({n % 3 + 1 for n in range(9)})", [1, 2, 3]),
    ("set clear", "s = {1}\ns.clear()\ns.add(2)\nunits = list(s)", [2]),
    ("generator expression", "units = list(n + 1 for n in range(2))", [1, 2]),
    ("sum of generator", "units = [sum(n for n in range(4))]", [6]),
    ("slices", "t = [1, 2, 3, 4]\nunits = t[1:3] + t[-1:] + t[::-1][:1]", [2, 3, 4, 4]),
    ("negative index", "units = [[1, 2, 3][-1]]", [3]),
    ("unpacking", "a, (b, c) = 1, (2, 3)\nunits = [a, b, c]", [1, 2, 3]),
    ("starred", "a, *b = 1, 2, 3\nunits = [*b, a]", [2, 3, 1]),
    ("walrus", "units = [n := 4, n + 1]", [4, 5]),
    ("walrus in comprehension", "units = [m for n in (1, 2) if (m := n * 2)]", [2, 4]),
    ("dict", "d = {'a': 1, **{'b': 2}}\nunits = [d['a'], d['b'], d.get('c', 3)]", [1, 2, 3]),
    ("dict methods", "d = {'a': 1}\nd.update(b=2)\nd['c'] = d.pop('a')\nd.setdefault('e', 7)\n"
     "units = list(d.values())", [2, 1, 7]),
    ("dict items", "units = [k + v for k, v in {1: 2, 3: 4}.items()]", [3, 7]),
    ("dict union", "units = list(({'a': 1} | {'b': 2}).values())", [1, 2]),
    ("list methods", "units = [3, 1]\nunits.insert(0, 2)\nunits.sort()\nunits.extend((4,))\n"
     "units.remove(2)\nunits.reverse()", [4, 3, 1]),
    ("list pop", "t = [1, 2, 3]\nunits = [t.pop(), t.pop(0)]", [3, 1]),
    ("item assignment", "units = [1, 2]\nunits[0] = 5\nunits[1] += 1", [5, 3]),
    ("del", "units = [1, 2, 3]\ndel units[1]", [1, 3]),
    ("zip enumerate", "units = [i + a * b for i, (a, b) in enumerate(zip((1, 2), (3, 4)))]",
     [3, 9]),
    ("enumerate start", "units = [i for i, _ in enumerate('ab', 1)]", [1, 2]),
    ("reversed", "units = list(reversed([1, 2]))", [2, 1]),
    ("sorted", "units = sorted([3, 1, 2], key=lambda n: -n)", [3, 2, 1]),
    ("min max", "units = [min(3, 2), max([1, 5]), max(('a', 1), ('b', 2), key=lambda t: t[1])[1]]",
     [2, 5, 2]),
    ("len", "units = [len([1, 2]), len('abc'), len({'a': 1})]", [2, 3, 1]),
    ("numbers", "units = [int(3.7), round(2.6), abs(-2), divmod(7, 3)[1], int('8')]",
     [3, 3, 2, 1, 8]),
    ("float", "units = [float('2.5'), round(2.567, 1)]", [2.5, 2.6]),
    ("any all", "units = [1 if any([0, 1]) and all(()) else 2]", [1]),
    ("map filter", "units = list(map(lambda n: n * 2, filter(lambda n: n > 1, [1, 2, 3])))",
     [4, 6]),
    ("math", "import math\nunits = [math.ceil(2.1), int(math.sqrt(16)), math.prod((2, 3))]",
     [3, 4, 6]),
    ("from math", "from math import floor as f, pi\nunits = [f(pi)]", [3]),
    ("partial", "from functools import partial\nadd = partial(lambda a, b: a + b, 3)\n"
     "units = [add(4), add(b=5)]", [7, 8]),
    ("reduce", "from functools import reduce\nunits = [reduce(lambda a, b: a * b, [2, 3, 4])]",
     [24]),
    ("deepcopy", "import copy\na = [[1]]\nb = copy.deepcopy(a)\nb[0][0] = 2\n"
     "units = [a[0][0], b[0][0]]", [1, 2]),
    ("aliasing", "a = [1]\nb = a\nb.append(2)\nunits = a", [1, 2]),
    ("itertools", "import itertools\nunits = list(itertools.chain([1], (2,)))\n"
     "units += [a * b for a, b in itertools.product((1, 2), (3,))]", [1, 2, 3, 6]),
    ("pairwise", "import itertools\nunits = [a + b for a, b in itertools.pairwise([1, 2, 3])]",
     [3, 5]),
    ("numpy", "import numpy as np\nunits = [int(n) for n in np.linspace(0, 4, 3)]\n"
     "units += [int(np.ceil(1.5))]", [0, 2, 4, 2]),
    ("f-string", "n = 3\nunits = [len(f'{n:04d}-{n!r:>3}{\"x\"}')]", [9]),
    ("percent", "units = [int('%d%s' % (1, 'x'.replace('x', '2')))]", [12]),
    ("format", "units = [int('{}{b}'.format(1, b=2))]", [12]),
    ("string methods", "units = [int(p) for p in ' 1-2 '.strip().split('-')]", [1, 2]),
    ("join", "units = [int(''.join(['1', '2']))]", [12]),
    ("chr ord", "units = [ord(chr(97 + 1)) - 97]", [1]),
    ("lambda default", "f = lambda a, b=2: a + b\nunits = [f(1)]", [3]),
    ("closure", "def make(n):\n  def add(m): return n + m\n  return add\nunits = [make(1)(2)]",
     [3]),
    ("keyword only", "def f(a, *, b=1): return a + b\nunits = [f(1), f(1, b=2)]", [2, 3]),
    ("varargs", "def f(*args, **kwargs): return [*args, *kwargs.values()]\nunits = f(1, 2, c=3)",
     [1, 2, 3]),
    ("forwarding", "def g(a, b, c=0): return a + b + c\ndef f(*a, **k): return g(*a, **k)\n"
     "units = [f(1, 2), f(1, b=2, c=3), f(*(1, 2), **{'c': 3})]", [3, 6, 6]),
    ("recursion", "def f(n): return 1 if n < 2 else n * f(n - 1)\nunits = [f(4)]", [24]),
    ("early return", "def f(n):\n  if n > 1: return 5\n  return 6\nunits = [f(2), f(1)]", [5, 6]),
    ("nonlocal", "n = 0\ndef f():\n  nonlocal n\n  n += 1\n  return n\nunits = [f(), f()]", [1, 2]),
    ("global", "def f():\n  global G\n  G = 3\nf()\nunits = [G]", [3]),
    ("generator", "def f():\n  yield 1\n  yield from (2, 3)\nunits = list(f())", [1, 2, 3]),
    ("next", "it = iter([1, 2])\nunits = [next(it), next(it), next(it, 7)]", [1, 2, 7]),
    ("decorator", "def twice(f):\n  def w(*a): return 2 * f(*a)\n  return w\n"
     "@twice\ndef f(n): return n\nunits = [f(3)]", [6]),
    ("foreign decorator", "@tf.function\ndef f(n): return n\nunits = [f(3)]", [3]),
    ("wraps", "import functools\ndef d(f):\n  @functools.wraps(f)\n  def w(n): return f(n) + 1\n"
     "  return w\n@d\ndef f(n): return n\nunits = [f(3)]", [4]),
    ("class", "class C:\n  k = 2\n  def __init__(self, n): self.n = n\n"
     "  def get(self): return self.n * self.k\nunits = [C(3).get()]", [6]),
    ("class state", "class C:\n  def __init__(self): self.t = []\n"
     "  def add(self, n):\n    self.t.append(n)\n    return self\n"
     "units = C().add(1).add(2).t", [1, 2]),
    ("inheritance", "class A:\n  def f(self): return 1\nclass B(A):\n"
     "  def f(self): return super().f() + 1\nunits = [B().f()]", [2]),
    ("multiple inheritance", "class A:\n  def f(self): return [1]\n"
     "class B(A):\n  def f(self): return [2] + super().f()\n"
     "class C(A):\n  def f(self): return [3] + super().f()\n"
     "class D(B, C):\n  pass\nunits = D().f()", [2, 3, 1]),
    ("property", "class C:\n  @property\n  def n(self): return 4\nunits = [C().n]", [4]),
    ("static and class methods", "class C:\n  k = 3\n  @staticmethod\n  def s(n): return n\n"
     "  @classmethod\n  def c(cls): return cls.k\nunits = [C.s(1), C().s(2), C.c()]", [1, 2, 3]),
    ("call operator", "class C:\n  def __call__(self, n): return n + 1\nunits = [C()(1)]", [2]),
    ("container methods", "class C:\n  def __len__(self): return 2\n"
     "  def __getitem__(self, i): return i + 5\n  def __iter__(self): return iter([8])\n"
     "units = [len(C()), C()[1], *C()]", [2, 6, 8]),
    ("operator methods", "class C:\n  def __add__(self, n): return n + 1\nunits = [C() + 2]", [3]),
    ("dataclass", "from dataclasses import dataclass, field, replace\n@dataclass\nclass C:\n"
     "  a: int\n  b: int = 2\n  c: list = field(default_factory=lambda: [3])\n"
     "x = C(1)\ny = replace(x, b=5)\nunits = [x.a, x.b, *x.c, y.b]", [1, 2, 3, 5]),
    ("namedtuple", "from collections import namedtuple\nP = namedtuple('P', 'a b')\np = P(1, b=2)\n"
     "a, b = p\nunits = [p.a, p[1], a + b, p._replace(a=7).a]", [1, 2, 3, 7]),
    ("NamedTuple", "from typing import NamedTuple\nclass P(NamedTuple):\n  a: int\n  b: int = 2\n"
     "units = [P(1).b, *P(3, 4)]", [2, 3, 4]),
    ("enum", "from enum import Enum\nclass E(Enum):\n  A = 1\n  B = 2\n"
     "units = [E.A.value, 5 if E('x' and 2) is E.B else 6, len(E.A.name)]", [1, 5, 1]),
    ("isinstance", "units = [1 if isinstance(3, int) and not isinstance('a', (int, list)) else 2]",
     [1]),
    ("hasattr getattr", "class C: a = 1\nunits = [getattr(C, 'a'), getattr(C(), 'b', 2), "
     "3 if hasattr(C(), 'a') else 4]", [1, 2, 3]),
    ("setattr", "class C: pass\nc = C()\nsetattr(c, 'x', 3)\nunits = [c.x]", [3]),
    ("callable", "units = [1 if callable(len) and not callable(3) else 2]", [1]),
    ("try import", "try:\n  import nowhere.x as m\n  units = [1]\nexcept ImportError:\n"
    "  units = [2]",
     [1]),
    ("raise and except", "try:\n  raise ValueError('x')\nexcept ValueError as e:\n  units = [2]\n"
     "finally:\n  units.append(3)", [2, 3]),
    ("missing key", "try:\n  {}['x']\nexcept KeyError:\n  units = [2]", [2]),
    ("with", "with tf.name_scope('a') as s, open('f'):\n  units = [3]", [3]),
    ("context manager", "class C:\n  def __enter__(self): return 4\n"
    "  def __exit__(self, *a): pass\n"
     "with C() as n: units = [n]", [4]),
    ("match value", "match 2:\n  case 1: units = [1]\n  case 2 | 3: units = [2]\n"
     "  case _: units = [3]", [2]),
    ("match sequence", "match [1, 2, 3]:\n  case [a, *rest] if a > 0: units = rest", [2, 3]),
    ("match mapping", "match {'k': 1, 'n': 5}:\n  case {'k': 1, 'n': n}: units = [n]", [5]),
    ("match class", "from dataclasses import dataclass\n@dataclass\nclass C:\n  a: int\n"
     "match C(7):\n  case C(a=n): units = [n]", [7]),
    ("assert", "n = 3\nassert n == 3, 'x'\nunits = [n]", [3]),
    ("eval", "units = [eval('1 + 2')]", [3]),
    ("locals", "def g(a, b, kwargs): return [a, b, kwargs['c']]\n"
     "def f(a, b=2, **kwargs): return g(**locals())\nunits = f(1, c=3)", [1, 2, 3]),
    ("environment", "import os\nunits = [int(os.environ.get('N', '4'))]", [4]),
    ("defaultdict", "from collections import defaultdict\nd = defaultdict(list)\n"
     "d['a'].append(3)\nunits = d['a']", [3]),
    ("OrderedDict", "from collections import OrderedDict\n"
     "units = list(OrderedDict([('a', 1), ('b', 2)]).values())", [1, 2]),
    ("type annotations", "from typing import List\nunits: List[int] = [1]\nx: int", [1]),
    ("async", "async def f(): return 3\nunits = [4]", [4]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
@pytest.mark.parametrize("place", ["function", "module"])
def test_value(statements: str, expected: list[object], place: str) -> None:
    build = "return keras.Sequential([L.Dense(n) for n in units])"
    if place == "function":
        source = f"def build():\n{indent(statements, '    ')}\n    {build}\n"
    else:
        if "nonlocal" in statements:
            pytest.skip("not allowed at module level")
        source = f"{statements}\ndef build():\n    {build}\n"
    graph = built(source)
    units = [node.attrs["units"] for node in graph.nodes if node.kind == "layer"]
    assert units == expected
    assert graph.complete
