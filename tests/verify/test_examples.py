"""Representative data: what is taken, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qlsp.verify.runner.data import InputSpec, sample
from qlsp.verify.runner.examples import load_examples
from qlsp.verify.runner.loading import BuilderError

IMAGE = [InputSpec("image", (None, 4, 3), "float32")]
ANY_SIZE = [InputSpec("image", (None, None, 3), "bfloat16")]
TWO = [InputSpec("left", (None, 4, 3), "float32"), InputSpec("right", (None, 4, 3), "float32")]
FUNCTIONS = """
import itertools
import numpy as np

def endless():
    for number in itertools.count():
        yield [np.full((1, 4, 3), number)]

def named():
    yield {"image": np.ones((1, 4, 3))}

def bare():
    yield np.ones((1, 4, 3), "int8")

def nothing():
    return []

def two():
    yield [np.ones((1, 4, 3)), np.ones((1, 4, 3))]

def swapped():
    yield {"right": np.full((1, 4, 3), 2), "left": np.full((1, 4, 3), 1)}

not_callable = 3
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data.py").write_text(FUNCTIONS)
    np.save(tmp_path / "good.npy", np.ones((5, 4, 3), "float64"))
    np.savez(tmp_path / "good.npz", a=np.ones((5, 4, 3)))
    np.savez(tmp_path / "two.npz", a=np.ones((5, 4, 3)), b=np.ones((5, 4, 3)))
    np.save(tmp_path / "empty.npy", np.ones((0, 4, 3)))
    np.save(tmp_path / "narrow.npy", np.ones((5, 4, 2)))
    np.save(tmp_path / "scalar.npy", np.float32(1))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("1, 2, 3")
    (tmp_path / "nothing.npy").write_bytes(b"")
    (tmp_path / "torn.npy").write_bytes((tmp_path / "good.npy").read_bytes()[:200])
    (tmp_path / "torn.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:100])
    return tmp_path


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("good.npy", 5),
        ("good.npz", 5),
        ("data.py::endless", 256),
        ("data.py::named", 1),
        ("data.py::bare", 1),
    ],
)
def test_what_fits(data: Path, name: str, count: int) -> None:
    found = load_examples(str(data / name), IMAGE)
    assert len(found) == count
    shapes: set[Any] = {(array.shape, str(array.dtype)) for (array,) in found}
    assert shapes == {((1, 4, 3), "float32")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two.npz", "two.npz: has 2 arrays, and the model 1 inputs"),
        ("empty.npy", "empty.npy: no examples in it"),
        ("narrow.npy", r"an example of shape \[1, 4, 2\], and the model takes \[1, 4, 3\]"),
        ("scalar.npy", "scalar.npy: no examples in it"),
        ("objects.npy", "objects.npy: not an .npy or .npz file of arrays"),
        ("text.npy", "text.npy: not an .npy or .npz file of arrays"),
        ("nothing.npy", "nothing.npy: not an .npy or .npz file of arrays"),
        ("torn.npy", "torn.npy: not an .npy or .npz file of arrays"),
        ("torn.npz", "torn.npz: not an .npy or .npz file of arrays"),
        ("data.py::nothing", "data.py: no examples in it"),
        ("data.py::two", "data.py: has 2 arrays, and the model 1 inputs"),
        ("data.py::missing", "no function 'missing' in data.py"),
        ("data.py::not_callable", "no function 'not_callable' in data.py"),
    ],
)
def test_what_does_not_fit(data: Path, name: str, message: str) -> None:
    with pytest.raises(BuilderError, match=message) as error:
        load_examples(str(data / name), IMAGE)
    assert "\n" not in str(error.value)


def test_any_size_where_the_model_takes_any(data: Path) -> None:
    (found,) = load_examples(str(data / "data.py::bare"), ANY_SIZE)
    assert (found[0].shape, str(found[0].dtype)) == ((1, 4, 3), "float32")
    with pytest.raises(BuilderError, match=r"shape \[1, 4, 2\], and the model takes \[1, \?, 3\]"):
        load_examples(str(data / "narrow.npy"), ANY_SIZE)


@pytest.mark.parametrize("name", ["data.py::swapped", "swapped.npz"])
def test_arrays_with_the_names_of_inputs(data: Path, name: str) -> None:
    np.savez(data / "swapped.npz", right=np.full((1, 4, 3), 2), left=np.full((1, 4, 3), 1))
    (found,) = load_examples(str(data / name), TWO)
    assert [array.max() for array in found] == [1, 2]


def test_text_is_no_example() -> None:
    with pytest.raises(BuilderError, match="'words' is of type string, and examples can only be"):
        sample([InputSpec("words", (None, 1), "string")])
