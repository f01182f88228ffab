"""The editor's settings as the server reads them."""

from __future__ import annotations

from typing import Any

import pytest

from qlsp.server.options import Options
from qlsp.toml import ConfigError


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (None, Options()),
        ({}, Options()),
        ({"enable": None, "select": None, "configuration": ""}, Options()),
        ({"unknown": 1, "trace": {"server": "off"}}, Options()),
        ({"enable": False}, Options(enable=False)),
        ({"qlsp": {"ignore": ["QL1"]}}, Options(ignore=("QL1",))),
        ({"settings": {"select": ["QL2"]}}, Options(select=("QL2",))),
        ({"settings": {"qlsp": {"interpreter": "python3"}}}, Options(interpreter="python3")),
        ({"inlayHints": {"enable": False}}, Options(inlay_hints=False)),
    ],
)
def test_they_are_read(values: Any, options: Options) -> None:
    assert Options.parse(values) == options


@pytest.mark.parametrize(
    "values", [7, [], "x", {"ignore": "QL1"}, {"enable": 1}, {"inlayHints": True}]
)
def test_senseless_ones_are_refused(values: Any) -> None:
    with pytest.raises(ConfigError, match="editor settings: qlsp"):
        Options.parse(values)
