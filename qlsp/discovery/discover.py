"""From facts to the measured toolchains that stand for a project's versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from qlsp.config import Config
from qlsp.discovery.fact import KINDS, Fact, Package, exactly
from qlsp.discovery.manifests import facts
from qlsp.discovery.releases import KERAS, TENSORFLOW, TFMOT, admitted, nearest
from qlsp.discovery.sources import Sources
from qlsp.toolchain import MEASURED, Toolchain

_FIRST_KERAS_3 = Version("2.16")
"""From here on `tf.keras` is Keras 3, and Keras 2 is the package tf_keras."""

_SETTINGS: dict[str, Package] = {"tensorflow": "tensorflow", "keras": "keras", "tfmot": "tfmot"}


@dataclass(frozen=True)
class Discovery:
    """What is known about a project's versions."""

    facts: tuple[Fact, ...]
    measured: tuple[Toolchain, ...] = MEASURED

    def about(self, package: Package) -> tuple[Fact, ...]:
        """The facts that count for a package: those of the strongest kind there is."""
        every = [fact for fact in self.facts if fact.package == package and fact.kind in KINDS]
        best = min((fact.kind for fact in every), key=KINDS.index, default=None)
        return tuple(fact for fact in every if fact.kind == best)

    @property
    def uses_tfmot(self) -> bool | None:
        """Whether tfmot is a dependency; None where no dependency that matters is known."""
        if self.about("tfmot"):
            return True
        return False if self.about("tensorflow") or self.about("keras") else None

    @cached_property
    def tensorflow(self) -> tuple[str, ...]:
        """The TensorFlow releases that the project admits."""
        return tuple(admitted(self.about("tensorflow"), TENSORFLOW))

    @cached_property
    def tfmot(self) -> tuple[str, ...]:
        """The tfmot releases that the project admits."""
        return tuple(admitted(self.about("tfmot"), TFMOT))

    @cached_property
    def served(self) -> dict[Toolchain, tuple[str, ...]]:
        """The measured toolchains that count, and the TensorFlow releases each stands for."""
        wanted = [
            (release, keras)
            for release in self.tensorflow
            for keras in self._flavours(Version(release))
        ]
        if not wanted:  # the facts contradict each other: let TensorFlow's version decide
            wanted = [(each, 3 if _has_keras_3(Version(each)) else 2) for each in self.tensorflow]
        served: dict[Toolchain, list[str]] = {}
        for release, keras in wanted:
            for toolchain in self._standing_for(release, keras):
                served.setdefault(toolchain, []).append(release)
        chosen = [each for each in served if self._tfmot_allows(each)] or self._closest(served)
        return {each: tuple(served.get(each, ())) for each in sorted(chosen, key=_age)}

    @property
    def toolchains(self) -> tuple[Toolchain, ...]:
        """The measured toolchains that count, oldest first."""
        return tuple(self.served)

    def _flavours(self, tensorflow: Version) -> list[int]:
        """The Keras major versions that models can be built with under a TensorFlow."""
        majors = {Version(each).major for each in admitted(self.about("keras"), KERAS)}
        if not _has_keras_3(tensorflow):
            return [2] if 2 in majors else []
        legacy = self._may_have("tf_keras") or (2 in majors and 3 not in majors)
        return [*([2] if legacy else []), *([3] if 3 in majors else [])]

    def _may_have(self, package: Package) -> bool:
        """Whether a package may be there: named, needed by tfmot, or nothing is known."""
        if self.about(package) or self.about("tfmot"):
            return True
        return not (self.about("tensorflow") or self.about("keras"))

    def _standing_for(self, release: str, keras: int) -> list[Toolchain]:
        """The measured toolchains with this Keras whose TensorFlow is closest to `release`."""
        same = [each for each in self.measured if each.keras == keras]
        version = nearest(release, (each.tensorflow for each in same), TENSORFLOW)
        return [each for each in same if each.tensorflow == version]

    def _tfmot_allows(self, toolchain: Toolchain) -> bool:
        return not self.about("tfmot") or toolchain.tfmot in self._measured_tfmot

    @cached_property
    def _measured_tfmot(self) -> frozenset[str]:
        known = [each.tfmot for each in self.measured if each.tfmot is not None]
        return frozenset(nearest(release, known, TFMOT) for release in self.tfmot)

    def _closest(self, served: Iterable[Toolchain]) -> list[Toolchain]:
        """Where no measured toolchain has both versions, those with the tfmot and a near TF."""
        keras = {each.keras for each in served}
        right = [
            each
            for each in self.measured
            if each.keras in keras and each.tfmot in self._measured_tfmot
        ]
        if not right:
            return list(served)
        versions = {
            nearest(release, (each.tensorflow for each in right), TENSORFLOW)
            for release in self.tensorflow
        }
        return [each for each in right if each.tensorflow in versions]


def discover(config: Config, python: str | None = None) -> Discovery:
    """Gather the facts about a project. Raises `QlspError` if `python` does not exist."""
    sources = Sources.of(config.root, python)
    told = [
        Fact(_SETTINGS[key], SpecifierSet(versions), _setting(config, key), "set")
        for key, versions in config.versions.items()
    ]
    written = [
        fact for file in sources.manifests for fact in facts(file, _shown(file, config.root))
    ]
    installed = list(_installed(sources, written))
    return Discovery(tuple(dict.fromkeys([*told, *installed, *written])))


def _installed(sources: Sources, written: Sequence[Fact]) -> Iterator[Fact]:
    """What the environment has; if it contradicts the project's files, perhaps for another one.

    An active environment, or one in a folder above, may belong to something else.
    """
    if sources.interpreter is None:
        return
    origin = sources.interpreter.origin
    found = [exactly(*each, origin, "installed") for each in sources.installed]
    facts = [fact for fact in found if fact is not None]
    fits = sources.interpreter.certain or all(_fits(fact, written) for fact in facts)
    for fact in facts:
        yield fact if fits else replace(fact, kind="foreign")


def _fits(installed: Fact, written: Sequence[Fact]) -> bool:
    same = [fact for fact in written if fact.package == installed.package]
    version = next(iter(installed.versions)).version
    return not same or any(fact.admits(version) for fact in same)


def _setting(config: Config, key: str) -> str:
    file = config.file.name if config.file else "settings"
    return f"{file}: {'tool.qlsp.' if file == 'pyproject.toml' else ''}{key}"


def _shown(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _has_keras_3(tensorflow: Version) -> bool:
    return tensorflow >= _FIRST_KERAS_3


def _age(toolchain: Toolchain) -> tuple[Version, int, Version]:
    return Version(toolchain.tensorflow), toolchain.keras, Version(toolchain.tfmot or "0")
