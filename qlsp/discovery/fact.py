"""One statement about one package's version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

Package = Literal["tensorflow", "keras", "tf_keras", "tfmot"]
Kind = Literal["set", "installed", "pinned", "declared", "foreign"]
KINDS: tuple[Kind, ...] = ("set", "installed", "pinned", "declared")
"""From the strongest: only the strongest kind that is known of a package counts.

`foreign` is what is installed in an environment that can't be the project's; it never counts.
"""

_PACKAGES: dict[str, Package] = {
    "intel-tensorflow": "tensorflow",
    "tensorflow": "tensorflow",
    "tensorflow-aarch64": "tensorflow",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-cpu-aws": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-intel": "tensorflow",
    "tensorflow-macos": "tensorflow",
    "tensorflow-rocm": "tensorflow",
    "tf-nightly": "tensorflow",
    "tf-nightly-cpu": "tensorflow",
    "keras": "keras",
    "keras-nightly": "keras",
    "tf-keras": "tf_keras",
    "tf-keras-nightly": "tf_keras",
    "tensorflow-model-optimization": "tfmot",
    "tf-model-optimization-nightly": "tfmot",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Which versions of a package the project admits, according to one place."""

    package: Package
    versions: SpecifierSet
    origin: str
    """`requirements.txt:3`, `uv.lock`, `.venv`."""
    kind: Kind

    def admits(self, version: str) -> bool:
        """Whether `version` is among them."""
        return self.versions.contains(version, prereleases=True)


def known(name: str) -> Package | None:
    """The package that a distribution is, if it matters here."""
    return _PACKAGES.get(canonicalize_name(name))


def declared(name: str, versions: str, origin: str) -> Fact | None:
    """A fact from a name and a PEP 440 specifier; None if it is about nothing that matters.

    What is not a valid specifier (a URL, a path, a typing error) counts as any version.
    """
    package = known(name)
    if package is None:
        return None
    try:
        specifier = SpecifierSet(versions)
    except InvalidSpecifier:
        specifier = SpecifierSet()
    exact = any(each.operator in {"==", "==="} for each in specifier)
    return Fact(package, specifier, origin, "pinned" if exact else "declared")


def required(text: str, origin: str) -> Fact | None:
    """A fact from a PEP 508 requirement such as `tensorflow>=2.8,<2.16; python_version<"3.12"`."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return declared(requirement.name, str(requirement.specifier), origin)


def exactly(name: str, version: str, origin: str, kind: Kind = "pinned") -> Fact | None:
    """A fact about one version, from a lock file or an environment."""
    fact = declared(name, f"=={version}", origin)
    return fact and Fact(fact.package, fact.versions, origin, kind)
