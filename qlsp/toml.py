"""TOML read strictly: every error is one line that names the file and the key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from qlsp.error import QlspError

_Choice = TypeVar("_Choice")


class ConfigError(QlspError):
    """A setting that can't be used; the message names the file and the key."""


class Table:
    """A TOML table whose keys are read by type; `finish` then refuses the keys left over."""

    def __init__(self, file: str, key: str, value: object) -> None:
        self.file = file
        self.key = key
        self._asked: list[str] = []
        if not isinstance(value, dict):
            raise self.error("", f"expected a table, found {_kind(value)}")
        self._values: dict[str, object] = value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, key: str, message: str) -> ConfigError:
        """An error about the value of `key`."""
        return ConfigError(f"{self.file}: {self._path(key)}: {message}")

    def expected(self, key: str, what: str, value: object) -> ConfigError:
        """An error that says what should have stood there."""
        return self.error(key, f"expected {what}, found {_kind(value)}")

    def string(self, key: str) -> str | None:
        """A string, or None where the key is absent."""
        value = self._take(key)
        if value is None or isinstance(value, str):
            return value
        raise self.expected(key, "a string", value)

    def boolean(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        raise self.expected(key, "true or false", value)

    def strings(self, key: str) -> tuple[str, ...] | None:
        """A list of strings, or None where the key is absent."""
        value = self._take(key)
        if value is None:
            return None
        for entry in value if isinstance(value, list) else [value]:
            if not isinstance(value, list) or not isinstance(entry, str):
                raise self.expected(key, "a list of strings", entry)
        return tuple(value)  # type: ignore[arg-type]

    def choice(self, key: str, value: str, choices: tuple[_Choice, ...]) -> _Choice:
        """`value` if it is among `choices`."""
        for choice in choices:
            if choice == value:
                return choice
        raise self.expected(key, f"one of {', '.join(map(str, choices))}", value)

    def table(self, key: str) -> Table:
        """A table within this one, empty where the key is absent."""
        value = self._take(key)
        return Table(self.file, self._path(key), {} if value is None else value)

    def items(self) -> Iterator[tuple[str, object]]:
        """Every key and value, for tables whose keys are the user's own."""
        self._asked += self._values
        yield from self._values.items()

    def finish(self) -> None:
        """Raise `ConfigError` for a key that nothing asked for."""
        for key in self._values:
            if key not in self._asked:
                import difflib

                close = difflib.get_close_matches(key, self._asked, n=1)
                hint = (
                    f"did you mean `{close[0]}`?" if close else f"known: {', '.join(self._asked)}"
                )
                raise self.error(key, f"unknown key; {hint}")

    def _take(self, key: str) -> object:
        self._asked.append(key)
        return self._values.get(key)

    def _path(self, key: str) -> str:
        return ".".join(part for part in (self.key, key) if part)


def read_toml(file: Path) -> dict[str, object] | None:
    """The content of `file`; None where there is no such file. Raises `ConfigError`."""
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{shown(file)}: {error.strerror}") from None

    import tomllib  # 5 ms

    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise ConfigError(f"{shown(file)}: not valid UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{shown(file)}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{shown(file)}: nested too deeply") from None


def shown(file: Path) -> str:
    """`file` as a person would write it from the current folder."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):
        return str(file)
    return str(file) if relative.startswith("..") else relative


def _kind(value: object) -> str:
    match value:
        case str():
            return f"{value!r}" if len(value) < 60 else "a long string"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value} (missing quotes?)"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"
