"""The releases there are, and which measured one stands for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packaging.version import InvalidVersion, Version

from qlsp.discovery.fact import Fact

_TENSORFLOW = """
1.13.2 1.14.0 1.15.5 2.0.4 2.1.4 2.2.3 2.3.4 2.4.4 2.5.3 2.6.5 2.7.4 2.8.4 2.9.3 2.10.1 2.11.1
2.12.1 2.13.1 2.14.1 2.15.1 2.16.2 2.17.1 2.18.1 2.19.1 2.20.0 2.21.0
"""
TENSORFLOW = _TENSORFLOW.split()
"""The last patch release of every minor version."""

_TFMOT = "0.1.3 0.2.1 0.3.0 0.4.1 0.5.0 0.6.0 0.7.0 0.7.1 0.7.2 0.7.3 0.7.4 0.7.5 0.8.0 0.8.1"
TFMOT = _TFMOT.split()
KERAS = [*(f"2.{minor}.0" for minor in range(16)), *(f"3.{minor}.0" for minor in range(20))]


def admitted(facts: Collection[Fact], releases: list[str]) -> list[str]:
    """The releases that one of `facts` admits; all if there are none.

    A pin to a version that is not in the list (a newer one, or a typing error) stands for itself.
    """
    if not facts:
        return releases
    found = [
        release
        for release in releases
        if any(fact.admits(patch) for fact in facts for patch in _patches(release))
    ]
    return found or sorted({named for fact in facts for named in _named(fact)}, key=Version)


def nearest(release: str, measured: Iterable[str], releases: list[str]) -> str:
    """The measured version closest to `release`, counted in releases; of two the newer."""
    return min(
        sorted(set(measured), key=Version, reverse=True),
        key=lambda each: abs(_rank(each, releases) - _rank(release, releases)),
    )


def _rank(version: str, releases: list[str]) -> float:
    """Where a version stands in the list; between two releases for a patch of the older."""
    if version in releases:
        return float(releases.index(version))
    return sum(Version(each) < Version(version) for each in releases) - 0.5


def _patches(release: str) -> list[str]:
    """A release, and for the last patch of a minor version those before it."""
    minor, _, last = release.rpartition(".")
    return [f"{minor}.{patch}" for patch in range(int(last) + 1)] if release in _LAST else [release]


_LAST = frozenset(TENSORFLOW)


def _named(fact: Fact) -> list[str]:
    found = []
    for each in fact.versions:
        version = each.version.removesuffix(".*")
        try:
            Version(version)
        except InvalidVersion:
            continue
        found.append(version)
    return found
