"""What is not pinned, resolved by uv: `uv pip compile` in a subprocess, of which only the pylock is read.

`pip download` judges markers on the host and is wrong for every other target; uv resolves for all of them
at once. It builds nothing, downloads no Python, reads no configuration but ours, and sees no index but the
relay: what stands there has passed every rule.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.config.config_files import parse_toml
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.lock_document import LockDocument, preferring, read_resolved
from pypitool.core.mirror.requirement_lines import RequirementLine
from pypitool.core.mirror.shown_releases import FOR_ITS_AGE, LeftOut, ReleaseRules
from pypitool.core.mirror.targets import Target, lowest_python
from pypitool.host import scratch_directory
from pypitool.mirror.available import HeldFiles
from pypitool.mirror.inputs import Inputs
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.relay_pages import ReleaseSources, ShownTerms
from pypitool.mirror.sets import SetRequest
from pypitool.mirror.uv_program import uv_environment, uv_program
from pypitool.upstream.upstream_errors import Stopped

if TYPE_CHECKING:
    from pypitool.mirror.relay import Relay

_OUTPUT = "pylock.toml"  # also what was chosen before
_LONGEST = 600.0  # of everything that is asked of uv for one answer
_LOOK_EVERY = 0.1  # seconds between two looks at whether the run is to stop

# The relay waits and tries again itself, and is no way into the world.
_TOWARDS_RELAY = {
    "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    "UV_HTTP_TIMEOUT": f"{_LONGEST:.0f}", "UV_HTTP_RETRIES": "0",
}  # fmt: skip

_GLIBCS = (17, 28, *range(31, 41))  # the manylinux levels that uv knows

_PLATFORMS = {
    "win_amd64": "x86_64-pc-windows-msvc",
    "win32": "i686-pc-windows-msvc",
    "win_arm64": "aarch64-pc-windows-msvc",
}


class Unresolvable(PypitoolError):
    """uv found no set of versions that satisfies what is asked for."""

    kind = Kind.INVALID
    sentence = "no set of versions satisfies the requirements:\n{reason}"
    reason: str
    left_out: Sequence[tuple[str, LeftOut]] = ()  # `requests 2.33.0`

    def __post_init__(self) -> None:
        if self.left_out:
            self.hint = f"left out: {', '.join(f'{what} ({why.value})' for what, why in self.left_out)}"
            if any(why in FOR_ITS_AGE for _, why in self.left_out):
                self.hint += "; an exact pin takes what is too young"
        super().__post_init__()


class KnownOnlyWhenBuilt(PypitoolError):
    """There is an answer, with sdists of which nobody knows what they depend on."""

    kind = Kind.INVALID
    pins: Sequence[str]

    def __post_init__(self) -> None:
        need = "it needs" if len(self.pins) == 1 else "they need"
        self.hint = f"add {', '.join(f'`{pin}`' for pin in self.pins)}, and what {need}"
        super().__post_init__()

    def __str__(self) -> str:
        names = ", ".join(pin.replace("==", " ") for pin in self.pins)
        return f"no wheel: what {names} depends on is known only when it is built, and nothing is built here"


class ResolverFailed(PypitoolError):
    """uv could not be run, or did not end in time."""

    kind = Kind.UNAVAILABLE
    sentence = "uv could not resolve: {reason}"
    reason: str


@dataclass(frozen=True, slots=True)
class ResolverRequest:
    """What uv is to resolve: what is wanted, for whom, and which releases it may see."""

    wanted: Sequence[RequirementLine]
    targets: Sequence[Target]
    constraints: Sequence[RequirementLine] = ()
    rules: ReleaseRules = ReleaseRules()
    # What was chosen before: it stays where it can (uv's existing output file), but for `upgraded`.
    preferences: Mapping[NormalizedName, Version] = field(default_factory=dict)
    upgraded: frozenset[NormalizedName] = frozenset()
    # One version of each project for everybody, as a file of pins wants it.
    one_version: bool = False
    # A release of these projects is shown only if it has a file for each of these targets.
    served: Mapping[NormalizedName, Sequence[Target]] = field(default_factory=dict)
    only_held: frozenset[NormalizedName] = frozenset()  # stand there with what is held of them
    no_dependencies: bool = False  # nothing but what is named
    passes_over: bool = False  # a project whose page fails is not there: something else is chosen

    def terms(self) -> ShownTerms:
        """Return what decides which releases are shown."""
        lines = (*self.wanted, *self.constraints)
        return ShownTerms(self.rules, lines, self.preferences, self.served, self.only_held, self.passes_over)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What uv chose; for one target, or for all of them when `target` is None."""

    lock: LockDocument
    target: str | None = None

    @property
    def inputs(self) -> Inputs:
        """What it pins, as lines."""
        return Inputs(wanted=tuple(release.line() for release in self.lock.releases))


@dataclass(frozen=True, slots=True)
class Resolved:
    """The answer: one for all targets, or one for each; and the projects whose pages failed."""

    answers: tuple[Resolution, ...]
    failed: Mapping[NormalizedName, PypitoolError] = field(default_factory=dict)


def resolve_set(
    request: SetRequest, sources: ReleaseSources, environ: Mapping[str, str]
) -> dict[str | None, Inputs]:
    """Return what uv adds to the lines of a set: by target's name, or for all of them under None."""
    question = question_of(request, sources.private_names)
    if not question.wanted:
        return {None: Inputs()}
    return {answer.target: answer.inputs for answer in resolve(question, sources, environ).answers}


def question_of(request: SetRequest, private_names: PrivateNames) -> ResolverRequest:
    """Return what a set asks of uv."""
    resolved = [line for line in request.inputs.wanted if line not in request.exact]
    return ResolverRequest(
        wanted=answerable(resolved, private_names),
        targets=request.targets,
        constraints=(*request.inputs.constraints, *map(_as_constraint, request.exact)),
        rules=ReleaseRules(request.rules, request.cooldown),
    )


def answerable(lines: Iterable[RequirementLine], private_names: PrivateNames) -> tuple[RequirementLine, ...]:
    """Return the lines without those of our own that nothing here satisfies: they are holes of the proof."""
    held = HeldFiles(private_names.reader)
    return tuple(
        line
        for line in lines
        if not private_names.is_ours(name := canonicalize_name(line.requirement.name))
        or any(
            line.requirement.specifier.contains(candidate.version, prereleases=True)
            for candidate in held.candidates(name)
        )
    )


def _as_constraint(line: RequirementLine) -> RequirementLine:
    limit = Requirement(str(line.requirement))
    limit.extras = set()
    return replace(line, requirement=limit)


def resolve(question: ResolverRequest, sources: ReleaseSources, environ: Mapping[str, str]) -> Resolved:
    """Resolve for all targets at once, or one by one when no universal answer exists."""
    from pypitool.mirror.relay import open_relay

    with open_relay(sources, question.terms()) as relay:
        resolver = _Resolver(question, relay, environ, sources.stop, time.monotonic() + _LONGEST)
        try:
            answers = resolver.answers()
        except Unresolvable as error:
            resolver.tell_sdists()
            raise Unresolvable(error.reason, _left_out(relay, error.reason)) from None
        return Resolved(answers, dict(relay.pages.failures))


def _left_out(relay: Relay, reason: str) -> list[tuple[str, LeftOut]]:
    """Name the newest release that was left out of each project of which uv speaks."""
    spoken_of = (
        name
        for name in sorted(relay.pages.shown)
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", reason)
    )
    found = ((name, relay.pages.shown[name].newest_left_out()) for name in spoken_of)
    return [(f"{name} {left[0]}", left[1]) for name, left in found if left is not None]


@dataclass(frozen=True, slots=True)
class _Resolver:
    question: ResolverRequest
    relay: Relay
    environ: Mapping[str, str]
    stop: threading.Event
    deadline: float

    def answers(self) -> tuple[Resolution, ...]:
        """Ask uv for all targets, then for each."""
        targets = self.question.targets
        try:
            arguments = ["--universal", "--python-version", lowest_python(tuple(targets))]
            if self.question.one_version:
                arguments += ["--fork-strategy", "fewest"]
            return (Resolution(self._compile(arguments, targets)),)
        except Unresolvable:
            # Platforms that nobody has must not make a set unsolvable.
            if len(targets) == 1 and uv_platform(targets[0]) is None:
                raise
            return tuple(map(self._answer_for, targets))

    def _answer_for(self, target: Target) -> Resolution:
        try:
            return Resolution(self._compile(_arguments_for(target), (target,)), target.name)
        except Unresolvable as error:
            if len(self.question.targets) == 1:
                raise
            raise Unresolvable(f"for {target.name}: {error.reason}") from None

    def tell_sdists(self) -> None:
        """Raise `KnownOnlyWhenBuilt` if there is an answer once sdists are believed to need nothing."""
        pages = self.relay.pages
        if not pages.dynamic:
            return
        pages.builds_are_believed = True
        try:
            answers = self.answers()
        except Unresolvable:
            return
        chosen = {(release.name, release.version) for one in answers for release in one.lock.releases}
        pins = [
            f"{name}=={version}"
            for name, versions in sorted(pages.dynamic.items())
            for version in dict.fromkeys(versions)
            if (name, version) in chosen
        ]
        if pins:
            raise KnownOnlyWhenBuilt(pins)

    def _compile(self, arguments: Sequence[str], targets: Sequence[Target]) -> LockDocument:
        with scratch_directory() as place:
            folder = str(place)
            command = [*_command(self.question, Path(folder)), *arguments]
            environment = {
                **uv_environment(self.environ, folder),
                **_TOWARDS_RELAY,
                "UV_CONCURRENT_DOWNLOADS": str(self.relay.pages.workers),
                # In the environment: an argument list can be read by everybody on the machine.
                "UV_DEFAULT_INDEX": self.relay.index(targets),
            }
            code, said = self._run(command, environment, folder)
            if code == 0:
                return self._read((Path(folder) / _OUTPUT).read_text(encoding="utf-8"))
        if self.relay.failures:
            # uv knows no more than that the relay failed.
            failure = self.relay.failures[0]
            raise failure if isinstance(failure, Stopped) else ResolverFailed(str(failure)) from None
        reason = self.relay.tidied(said).strip().removeprefix("error: ")
        if code == 1 and "No solution found" in said:
            raise Unresolvable(reason)
        raise ResolverFailed(reason or f"exit code {code}")

    def _run(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> tuple[int, str]:
        try:
            process = subprocess.Popen(
                command, env=environment, cwd=folder, text=True, errors="replace", stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            raise ResolverFailed(str(error)) from error
        with process:
            try:
                return self._ended(process)
            finally:
                process.kill()

    def _ended(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        while True:
            try:
                _, said = process.communicate(timeout=_LOOK_EVERY)
                if self.stop.is_set():
                    raise Stopped()  # what ended uv is what ends us
                return process.returncode, said
            except subprocess.TimeoutExpired:
                if self.stop.is_set():
                    raise Stopped() from None
                if time.monotonic() > self.deadline:
                    raise ResolverFailed(f"it did not end within {_LONGEST:g} s") from None

    def _read(self, text: str) -> LockDocument:
        """Return what uv chose, with all files of each release: uv leaves out sdists, building none."""
        lock, shown = read_resolved(parse_toml(text)), self.relay.pages.shown
        return lock.with_files(lambda name, version: shown[name].of(version))


def _arguments_for(target: Target) -> list[str]:
    platform = uv_platform(target)
    place = ["--python-platform", platform] if platform else []
    return [*place, "--python-version", target.python.full]


def uv_platform(target: Target) -> str | None:
    """Return uv's word for a target's platform, the nearest that is not newer; None when it has none."""
    word = target.platform.word
    if word in _PLATFORMS:
        return _PLATFORMS[word]
    if found := re.fullmatch(r"manylinux_2_(\d+)_(x86_64|aarch64)", word):
        known = [level for level in _GLIBCS if level <= int(found[1])]
        return f"{found[2]}-manylinux_2_{max(known)}" if known else f"{found[2]}-manylinux2014"
    if found := re.fullmatch(r"musllinux_1_\d+_(x86_64|aarch64)", word):
        return f"{found[1]}-unknown-linux-musl"
    if found := re.fullmatch(r"macosx_\d+_\d+_(arm64|x86_64)", word):
        return f"{'aarch64' if found[1] == 'arm64' else 'x86_64'}-apple-darwin"
    return None


def _command(question: ResolverRequest, folder: Path) -> list[str]:
    (folder / "requirements.in").write_text("".join(_lines(question.wanted)), encoding="utf-8")
    prereleases = question.rules.selection.prereleases
    command = [
        uv_program(), "pip", "compile", "requirements.in", "--output-file", _OUTPUT, "--quiet", "--no-header",
        "--no-config", "--no-cache", "--python", sys.executable, "--no-python-downloads", "--no-build",
        "--no-progress", "--color", "never",
        "--prerelease", "allow" if prereleases else "if-necessary-or-explicit",
    ]  # fmt: skip
    if question.constraints:
        (folder / "constraints.txt").write_text("".join(_lines(question.constraints)), encoding="utf-8")
        command += ["--constraints", "constraints.txt"]
    if question.preferences:
        chosen = {name: str(version) for name, version in question.preferences.items()}
        (folder / _OUTPUT).write_text(preferring(chosen), encoding="utf-8")
    for name in sorted(question.upgraded):
        command += ["--upgrade-package", name]
    if question.no_dependencies:
        command.append("--no-deps")
    return command


def _lines(wanted: Sequence[RequirementLine]) -> Iterator[str]:
    for line in wanted:
        yield f"{line.requirement}\n"
