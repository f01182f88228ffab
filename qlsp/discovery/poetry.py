"""Poetry's version constraints as PEP 440 specifiers."""

from __future__ import annotations

import re

_SHORT = re.compile(r"([\^~])(?!=)\s*v?(\d+(?:\.\d+)*)")


def specifiers(constraint: str) -> list[str]:
    """The specifiers that stand for a constraint; several for alternatives (`||`).

    See https://python-poetry.org/docs/dependency-specification/: `^` keeps the first part that is
    not zero, `~` the second, and a bare version is that version.
    """
    return [_specifier(each.strip()) for each in re.split(r"\|\|?", constraint)]


def _specifier(constraint: str) -> str:
    parts = re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", constraint)
    return ",".join(filter(None, map(_part, parts)))


def _part(part: str) -> str:
    if part in {"", "*"}:
        return ""
    short = _SHORT.match(part)
    if short:
        numbers = [int(number) for number in short[2].split(".")]
        return f">={short[2]},<{'.'.join(map(str, _above(short[1], numbers)))}"
    return f"=={part}" if part[0].isdigit() else part


def _above(sign: str, numbers: list[int]) -> list[int]:
    """The first version that is too new."""
    if sign == "^":
        kept = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
    else:
        kept = min(1, len(numbers) - 1)
    return [*numbers[:kept], numbers[kept] + 1]
