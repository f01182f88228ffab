"""What is known of Python's library and NumPy: constants and functions by dotted path."""

from __future__ import annotations

import itertools
import math
import os.path
import string
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.trace import containers, methods
from qlsp.trace import values as v
from qlsp.trace.builtins import BUILTINS
from qlsp.trace.containers import is_open, items_of
from qlsp.trace.natives import numeric
from qlsp.trace.values import Arguments, Builtin, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

CONSTANTS: dict[str, Value] = {
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "numpy.pi": math.pi,
    "numpy.e": math.e,
    "numpy.inf": math.inf,
    "numpy.newaxis": None,
    "os.sep": "/",
    "os.path.sep": "/",
    "typing.TYPE_CHECKING": False,
    "string.ascii_letters": string.ascii_letters,
    "string.ascii_lowercase": string.ascii_lowercase,
    "string.ascii_uppercase": string.ascii_uppercase,
    "string.digits": string.digits,
    "sys.version_info": (3, 11, 7),
    "sys.maxsize": 2**63 - 1,
    "six.PY2": False,
    "six.PY3": True,
}


def _deepcopy(run: Interpreter, arguments: Arguments) -> Value:
    return deep_copy(run, arguments.get(0, "x"), {})


def deep_copy(run: Interpreter, value: Value, made: dict[int, Value]) -> Value:
    """`copy.deepcopy`; layers, functions and tensors are not copied."""
    if id(value) in made:
        return made[id(value)]
    run.budget.spend()
    kind = type(value)
    if kind is tuple:
        return tuple(deep_copy(run, item, made) for item in value)
    if kind is v.List:
        copied = made[id(value)] = v.List([], value.open)
        copied.items += [deep_copy(run, item, made) for item in value.items]
        return copied
    if kind is v.Dict:
        table = made[id(value)] = v.Dict({}, value.open, value.kind, value.default)
        for key, item in value.items.items():
            table.items[key] = deep_copy(run, item, made)
        return table
    if kind is v.Set:
        return v.Set(dict(value.items))
    if kind is v.Instance and value.keras is None:
        twin = made[id(value)] = v.Instance(value.cls, {}, value.site)
        for key, item in value.names.items():
            twin.names[key] = deep_copy(run, item, made)
        return twin
    return value


def _copy(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.get(0, "x")
    if type(value) in (v.List, v.Dict, v.Set):
        method = methods.METHODS[type(value)]["copy"]
        return method.run(run, Arguments([value], {}))
    if type(value) is v.Instance and value.keras is None:
        return v.Instance(value.cls, dict(value.names), value.site)
    return value


def _partial(run: Interpreter, arguments: Arguments) -> Value:
    if not arguments.args or arguments.open:
        return Unknown("a partial function that isn't known")
    return v.Partial(arguments.args[0], tuple(arguments.args[1:]), dict(arguments.kwargs))


def _reduce(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) < 2 or is_open(arguments.args[1]):
        return Unknown("a reduction of values that aren't known")
    items = items_of(run, arguments.args[1])
    if items is None:
        return Unknown("a reduction of values that aren't known")
    rest = list(items)
    total = arguments.args[2] if len(arguments.args) > 2 else rest.pop(0) if rest else None
    for item in rest:
        total = run.call(arguments.args[0], Arguments([total, item], {}), None)
    return total


def _product(run: Interpreter, arguments: Arguments) -> Value:
    columns = [items_of(run, argument) for argument in arguments.args]
    repeat = arguments.kwargs.get("repeat", 1)
    known = [column for column in columns if column is not None]
    if len(known) < len(columns) or any(map(is_open, arguments.args)):
        return v.List([], True)
    if not isinstance(repeat, int):
        return v.List([], True)
    size = math.prod(map(len, known)) ** min(repeat, 64)
    if size > run.limits.items:
        return v.List([], True)
    return v.List(list(itertools.product(*known, repeat=repeat)))


def _chain(run: Interpreter, arguments: Arguments) -> Value:
    made = v.List([])
    for argument in arguments.args:
        containers.extend(run, made, argument)
    return made


def _chain_nested(run: Interpreter, arguments: Arguments) -> Value:
    items = items_of(run, arguments.get(0, "iterable"))
    if items is None:
        return v.List([], True)
    return _chain(run, Arguments(list(items), {}))


def _pairwise(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.get(0, "iterable")
    items = items_of(run, value)
    if items is None or is_open(value):
        return v.List([], True)
    return v.List(list(itertools.pairwise(items)))


def _accumulate(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import operators

    items = items_of(run, arguments.args[0])
    if items is None or is_open(arguments.args[0]) or len(arguments.args) > 1:
        return v.List([], True)
    made: list[Value] = []
    for item in items:
        made.append(operators.plus(run, made[-1], item) if made else item)
    return v.List(made)


def _repeat(run: Interpreter, arguments: Arguments) -> Value:
    times = arguments.get(1, "times")
    if not isinstance(times, int) or times > run.limits.items:
        return v.List([], True)
    return v.List([arguments.args[0]] * times)


def _namedtuple(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import classes

    return classes.make_namedtuple(run, arguments)


def _ordered_dict(run: Interpreter, arguments: Arguments) -> Value:
    made: v.Dict = BUILTINS["dict"].run(run, arguments)
    made.kind = "OrderedDict"
    return made


def _default_dict(run: Interpreter, arguments: Arguments) -> Value:
    factory = arguments.args[0] if arguments.args else None
    made: v.Dict = BUILTINS["dict"].run(run, Arguments(arguments.args[1:], arguments.kwargs))
    made.kind, made.default = "defaultdict", factory
    return made


def _linspace(run: Interpreter, arguments: Arguments) -> Value:
    start, stop = arguments.get(0, "start"), arguments.get(1, "stop")
    count = arguments.get(2, "num", 50)
    endpoint = arguments.kwargs.get("endpoint", True)
    numbers = isinstance(start, int | float) and isinstance(stop, int | float)
    if not numbers or not isinstance(count, int) or not 0 <= count <= run.limits.items:
        return v.List([], True)
    steps = max(count - 1 if endpoint else count, 1)
    made = [float(start + (stop - start) / steps * index) for index in range(count)]
    if endpoint and count > 1:
        made[-1] = float(stop)
    return v.List(made)


def _arange(run: Interpreter, arguments: Arguments) -> Value:
    if all(isinstance(argument, int) for argument in arguments.args) and arguments.args:
        made = range(*arguments.args)
        if len(made) <= run.limits.items:
            return v.List(list(made))
    return v.List([], True)


def _array(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.get(0, "object")
    return value if type(value) in (v.List, tuple) else Unknown("an array")


def _over_items(
    function: Callable[[Sequence[Any]], Any], name: str
) -> Callable[[Interpreter, Arguments], Value]:
    def call(run: Interpreter, arguments: Arguments) -> Value:
        value = arguments.get(0, "a")
        items = None if is_open(value) else items_of(run, value)
        if items is None or not all(isinstance(item, int | float) for item in items):
            return Unknown(f"`{name}` of values that aren't known")
        try:
            return function(items)
        except (ValueError, ArithmeticError):
            return Unknown(f"`{name}` of values that aren't known")

    return call


def _environment(run: Interpreter, arguments: Arguments) -> Value:
    """A variable of the environment: its default, as nothing is known of the surroundings."""
    if len(arguments.args) > 1 or "default" in arguments.kwargs:
        return arguments.get(1, "default")
    return Unknown("the environment")


def _settings_field(run: Interpreter, arguments: Arguments) -> Value:
    """`zookeeper.Field`: a default, or a decorator that makes a property."""
    value = arguments.args[0] if arguments.args else Unknown("a field without default")
    return v.Descriptor("property", value) if type(value) is v.Function else value


def _identity(run: Interpreter, arguments: Arguments) -> Value:
    return arguments.args[-1] if arguments.args else None


def _decorator(run: Interpreter, arguments: Arguments) -> Value:
    return Builtin("decorator", _identity)


def _maybe_decorator(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) == 1 and isinstance(arguments.args[0], v.Function | v.Class):
        return arguments.args[0]
    return Builtin("decorator", _identity)


def _nothing(run: Interpreter, arguments: Arguments) -> Value:
    return None


def _field(run: Interpreter, arguments: Arguments) -> Value:
    if "default" in arguments.kwargs:
        return arguments.kwargs["default"]
    if "default_factory" in arguments.kwargs:
        return v.Partial(FIELD_FACTORY, (arguments.kwargs["default_factory"],), {})
    return v.MISSING


FIELD_FACTORY = Builtin("dataclasses.field", lambda run, a: run.call(a.args[0], a, None))


def _replace(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0] if arguments.args else None
    if type(value) is v.Instance:
        return v.Instance(value.cls, {**value.names, **arguments.kwargs}, value.site)
    return Unknown("a replaced value that isn't known")


def _asdict(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0] if arguments.args else None
    if type(value) is v.Instance and value.cls.fields is not None:
        return v.Dict({name: value.names.get(name) for name, _ in value.cls.fields})
    return v.Dict({}, True)


def _import_module(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import imports

    name = arguments.get(0, "name")
    return imports.module(run, name) if isinstance(name, str) else Unknown("a module")


_MATH = (
    "acos asin atan atan2 ceil copysign cos cosh degrees erf exp fabs floor fmod gcd hypot "
    "isclose isfinite isinf isnan lcm log log10 log1p log2 prod radians remainder sin sinh "
    "sqrt tan tanh trunc pow expm1 cbrt exp2"
)
_NUMPY: dict[str, Callable[..., Any]] = {
    "abs": abs, "absolute": abs, "ceil": lambda x: float(math.ceil(x)), "cos": math.cos,
    "exp": math.exp, "floor": lambda x: float(math.floor(x)), "log": math.log, "log2": math.log2,
    "maximum": max, "minimum": min, "power": lambda a, b: float(a) ** float(b),
    "round": round, "sin": math.sin,
    "sqrt": math.sqrt, "tanh": math.tanh, "float32": float, "float64": float, "int32": int,
    "int64": int, "mod": lambda a, b: a % b, "log10": math.log10, "square": lambda x: x * x,
}  # fmt: skip
_OS_PATH = ("basename", "dirname", "join", "splitext", "split", "isabs", "normpath")
_OVER: dict[str, Callable[..., Any]] = {
    "prod": math.prod,
    "sum": sum,
    "mean": lambda a: sum(a) / len(a),
    "max": max,
    "min": min,
}

FUNCTIONS: dict[str, Callable[[Interpreter, Arguments], Value]] = {
    **{f"math.{name}": numeric(getattr(math, name), name) for name in _MATH.split()},
    **{f"numpy.{name}": numeric(function, name) for name, function in _NUMPY.items()},
    **{f"numpy.{name}": _over_items(function, name) for name, function in _OVER.items()},
    **{f"os.path.{name}": numeric(getattr(os.path, name), name) for name in _OS_PATH},
    "abc.abstractmethod": _identity,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": _default_dict,
    "collections.deque": BUILTINS["list"].run,
    "collections.namedtuple": _namedtuple,
    "contextlib.contextmanager": lambda run, a: _context_manager(run, a),
    "copy.copy": _copy,
    "copy.deepcopy": _deepcopy,
    "dataclasses.asdict": _asdict,
    "dataclasses.field": _field,
    "dataclasses.replace": _replace,
    "functools.cache": _identity,
    "functools.lru_cache": _maybe_decorator,
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "functools.wraps": _decorator,
    "importlib.import_module": _import_module,
    "itertools.accumulate": _accumulate,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _chain_nested,
    "itertools.pairwise": _pairwise,
    "itertools.product": _product,
    "itertools.repeat": _repeat,
    "logging.debug": _nothing,
    "logging.error": _nothing,
    "logging.info": _nothing,
    "logging.warning": _nothing,
    "numpy.arange": _arange,
    "numpy.array": _array,
    "numpy.asarray": _array,
    "numpy.linspace": _linspace,
    "operator.add": lambda run, a: _operator(run, a),
    "os.environ.get": _environment,
    "os.getenv": _environment,
    "six.moves.range": BUILTINS["range"].run,
    "six.moves.xrange": BUILTINS["range"].run,
    "typing.cast": _identity,
    "warnings.warn": _nothing,
    "zookeeper.ComponentField": _settings_field,
    "zookeeper.Field": _settings_field,
    "zookeeper.factory": _identity,
}


def _operator(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import operators

    return operators.plus(run, arguments.args[0], arguments.args[1])


def _context_manager(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import managers

    return managers.context_manager(run, arguments)
