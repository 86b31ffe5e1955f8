"""Which files of a release a target wants: a pure choice, with the rule that took or refused each file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import BuildTag, NormalizedName
from packaging.version import Version

from pypitool.core.limits import FILE_BYTES
from pypitool.core.mirror.targets import Target
from pypitool.core.model import FileKind

_NAMED = 3  # versions in a sentence


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file that an upstream offers (or that we hold), as far as choosing needs it."""

    filename: str
    project: NormalizedName
    version: Version
    kind: FileKind
    tags: frozenset[Tag] = frozenset()
    build: BuildTag = ()
    url: str = ""
    hashes: frozenset[str] = frozenset()  # `sha256:…`
    size: int | None = None
    requires_python: str | None = None
    yanked: str | None = None
    upload_time: str | None = None
    metadata_sha256: str | None = None

    @property
    def sha256(self) -> str | None:
        """The digest that the offer names, when it names one."""
        return next((text[7:] for text in self.hashes if text.startswith("sha256:")), None)


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why no file will do: in a word for programs, and where more is known for people."""

    reason: str
    remark: str | None = None
    requires_python: str | None = None  # what the files ask, where that is the reason


class FilesPolicy(str, Enum):
    """Which kinds of files a set takes."""

    WHEEL_ELSE_SDIST = "wheel-else-sdist"  # per target
    WHEEL = "wheel"
    WHEEL_AND_SDIST = "wheel+sdist"
    ALL = "all"  # every file of the release, whatever the target


@dataclass(frozen=True, slots=True)
class Formats:
    """pip's --only-binary and --no-binary: names of projects, or `:all:`."""

    only_binary: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()

    def allows(self, candidate: Candidate) -> bool:
        """Tell whether this kind of file may be taken for its project."""
        if candidate.kind is FileKind.WHEEL:
            return not self.no_binary & {":all:", candidate.project}
        return not self.only_binary & {":all:", candidate.project}


@dataclass(frozen=True, slots=True)
class SelectionRules:
    """What limits every choice of a run."""

    files: FilesPolicy = FilesPolicy.WHEEL_ELSE_SDIST
    formats: Formats = Formats()
    prereleases: bool = False
    yanked: bool = True  # an exact pin may name a yanked file, with a warning
    allow_unhashed: bool = False
    max_size: int | None = FILE_BYTES.most
    uploaded_until: str | None = None  # what no line pins; as `Candidate.upload_time`


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of one project: by a pin, or by a specifier when nothing pins it."""

    project: NormalizedName
    specifier: SpecifierSet
    hashes: frozenset[str] = frozenset()

    @property
    def is_pinned(self) -> bool:
        """Whether exactly one version can satisfy it."""
        return is_pin(self.specifier)


class ChoiceReason(str, Enum):
    """Why a candidate was taken or refused; the values are printed by --explain."""

    CHOSEN = "chosen"
    WORSE_TAG = "a better wheel was chosen"
    SDIST_NOT_NEEDED = "a wheel was chosen"
    OTHER_VERSION = "another version"
    OLDER = "a newer version was chosen"
    PRERELEASE = "pre-release"
    YANKED = "yanked"
    HASH = "its hash is not listed"
    UNHASHED = "the upstream gives no sha256"
    REQUIRES_PYTHON = "requires-python"
    TAGS = "no tag fits the target"
    FORMAT = "excluded by only-binary or no-binary"
    FILES_POLICY = "excluded by the files policy"
    TOO_BIG = "larger than max-file-size"
    COOLDOWN = "younger than the cooldown"
    LEGACY = "a legacy kind of file"


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """One candidate and the rule that decided about it, for one target."""

    candidate: Candidate
    rule: ChoiceReason

    @property
    def taken(self) -> bool:
        """Whether the file is wanted."""
        return self.rule is ChoiceReason.CHOSEN


def is_pin(specifier: SpecifierSet) -> bool:
    """Tell whether a specifier names exactly one version: `==` or `===` without a wildcard."""
    return any(
        clause.operator == "===" or (clause.operator == "==" and not clause.version.endswith(".*"))
        for clause in specifier
    )


def select(
    wish: Wish, target: Target, candidates: Iterable[Candidate], rules: SelectionRules
) -> tuple[FileVerdict, ...]:
    """Judge every candidate of a project for one target; the taken ones are what it needs."""
    offered = list(candidates)
    # Once for each version: a release has dozens of files. A pin may always name a pre-release:
    # `prereleases=True` asks for the version alone.
    versions = {candidate.version for candidate in offered}
    wanted = {version for version in versions if wish.specifier.contains(version, prereleases=True)}
    judged = [
        (
            candidate,
            _refusal(candidate, wish, target, rules)
            if candidate.version in wanted
            else ChoiceReason.OTHER_VERSION,
        )
        for candidate in offered
    ]
    fitting = [candidate for candidate, refusal in judged if refusal is None]
    young = (candidate.version for candidate, refusal in judged if refusal is ChoiceReason.COOLDOWN)
    version = _newest(fitting, rules.prereleases or wish.is_pinned, young)
    chosen = _choose([c for c in fitting if c.version == version], target, rules)
    return tuple(
        FileVerdict(candidate, refusal or _outcome(candidate, version, chosen, rules))
        for candidate, refusal in judged
    )


def taken(verdicts: Sequence[FileVerdict]) -> tuple[Candidate, ...]:
    """Return the candidates that were chosen."""
    return tuple(verdict.candidate for verdict in verdicts if verdict.taken)


def fits(candidate: Candidate, target: Target) -> bool:
    """Tell whether a target can install a file, be it built there first."""
    if candidate.kind is FileKind.LEGACY or not target.runs(candidate.requires_python):
        return False
    return candidate.kind is FileKind.SDIST or has_tag_of(candidate, target)


def has_tag_of(candidate: Candidate, target: Target) -> bool:
    """Tell whether a wheel has one of the tags that a target installs."""
    return any(tag in target.tag_order for tag in candidate.tags)


def why_no_file_fits(candidates: Iterable[Candidate], target: Target, reason: str) -> WhyNot:
    """Say what keeps a target from installing any of these files: its Python, else its platform."""
    files = list(candidates)
    for file in files:
        if not target.runs(file.requires_python) and (
            file.kind is FileKind.SDIST or has_tag_of(file, target)
        ):
            asked = f"it needs Python {file.requires_python}, the target has {target.python}"
            return WhyNot(reason, asked, file.requires_python)
    versions = ", ".join(map(str, sorted({file.version for file in files})[-_NAMED:]))
    return WhyNot(reason, f"no file of {versions} fits {target.platform.word} with Python {target.python}")


def tag_position(candidate: Candidate, target: Target) -> int:
    """Return how well a file fits by its tags: 0 is the best, and what has none of them comes last."""
    order = target.tag_order
    return min((order[tag] for tag in candidate.tags if tag in order), default=len(order))


def _refusal(candidate: Candidate, wish: Wish, target: Target, rules: SelectionRules) -> ChoiceReason | None:
    if candidate.kind is FileKind.LEGACY:
        return ChoiceReason.LEGACY
    if candidate.yanked is not None and not (rules.yanked and wish.is_pinned):
        return ChoiceReason.YANKED
    if is_another(candidate, wish.hashes):
        return ChoiceReason.HASH
    if not (candidate.sha256 or wish.hashes or rules.allow_unhashed):
        return ChoiceReason.UNHASHED
    if rules.max_size is not None and candidate.size is not None and candidate.size > rules.max_size:
        return ChoiceReason.TOO_BIG
    if not rules.formats.allows(candidate):
        return ChoiceReason.FORMAT
    if not wish.is_pinned and _is_too_young(candidate, rules.uploaded_until):
        return ChoiceReason.COOLDOWN
    return None if rules.files is FilesPolicy.ALL else _unfit(candidate, target, rules)


def _is_too_young(candidate: Candidate, until: str | None) -> bool:
    # Of unknown age: it may be a minute old.
    return until is not None and (candidate.upload_time is None or candidate.upload_time > until)


def is_another(candidate: Candidate, listed: frozenset[str]) -> bool:
    """Tell whether the hashes of a line exclude a file; of one of another kind only its bytes tell."""
    known = {text.partition(":")[0] for text in candidate.hashes}
    compares = bool(listed) and all(text.partition(":")[0] in known for text in listed)
    return compares and not listed & candidate.hashes


def _unfit(candidate: Candidate, target: Target, rules: SelectionRules) -> ChoiceReason | None:
    if not target.runs(candidate.requires_python):
        return ChoiceReason.REQUIRES_PYTHON
    if candidate.kind is FileKind.WHEEL and not has_tag_of(candidate, target):
        return ChoiceReason.TAGS
    if candidate.kind is FileKind.SDIST and rules.files is FilesPolicy.WHEEL:
        return ChoiceReason.FILES_POLICY
    return None


def _newest(fitting: Sequence[Candidate], prereleases: bool, young: Iterable[Version]) -> Version | None:
    versions = {candidate.version for candidate in fitting}
    finals = {version for version in versions if not version.is_prerelease}
    # PEP 440: pre-releases only when asked for, or when nothing else satisfies, be it too young as yet.
    are_needed = not finals and all(version.is_prerelease for version in young)
    return max(versions if prereleases or are_needed else finals, default=None)


def _choose(fitting: Sequence[Candidate], target: Target, rules: SelectionRules) -> frozenset[str]:
    if rules.files is FilesPolicy.ALL:
        return frozenset(candidate.filename for candidate in fitting)
    wheels = [candidate for candidate in fitting if candidate.kind is FileKind.WHEEL]
    best = min(wheels, key=lambda wheel: _wheel_order(wheel, target), default=None)
    chosen = {best.filename} if best is not None else set()
    if best is None or rules.files is FilesPolicy.WHEEL_AND_SDIST:
        sdists = sorted(c.filename for c in fitting if c.kind is FileKind.SDIST)
        # PEP 625 allows one `.tar.gz`; older releases also carry a `.zip` of the same tree.
        chosen.update(sdists[:1])
    return frozenset(chosen)


def _wheel_order(wheel: Candidate, target: Target) -> tuple[int, tuple[int, str], str]:
    number, suffix = wheel.build if wheel.build else (-1, "")
    return tag_position(wheel, target), (-number, suffix), wheel.filename


def _outcome(
    candidate: Candidate, version: Version | None, chosen: frozenset[str], rules: SelectionRules
) -> ChoiceReason:
    if candidate.filename in chosen:
        return ChoiceReason.CHOSEN
    if candidate.version != version:
        newer = version is not None and candidate.version > version
        return ChoiceReason.PRERELEASE if newer and candidate.version.is_prerelease else ChoiceReason.OLDER
    return ChoiceReason.WORSE_TAG if candidate.kind is FileKind.WHEEL else ChoiceReason.SDIST_NOT_NEEDED
