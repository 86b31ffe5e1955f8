"""What is not pinned, resolved by uv: `uv pip compile` in a subprocess, of which only the pylock is read.

`pip download` judges markers on the host and is wrong for every other target; uv resolves for all of them
at once. It builds nothing, downloads no Python, and reads no configuration but ours.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.requirement_lines import RequirementLine
from pypitool.core.mirror.selection import Formats
from pypitool.core.mirror.targets import Target, lowest_python
from pypitool.mirror.inputs import Inputs, read_inputs
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.sets import SetRequest
from pypitool.mirror.uv_program import uv_environment, uv_program
from pypitool.upstream.upstream import Upstream

_TIMEOUT = 600.0

_DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}  # the relay is no way into the world

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


class ResolverFailed(PypitoolError):
    """uv could not be run, or did not end in time."""

    kind = Kind.UNAVAILABLE
    sentence = "uv could not resolve: {reason}"
    reason: str


@dataclass(frozen=True, slots=True)
class ResolverRequest:
    """What is to be resolved, and where uv may look."""

    wanted: Sequence[RequirementLine]
    constraints: Sequence[RequirementLine]
    upstreams: Sequence[Upstream]
    formats: Formats = Formats()
    prereleases: bool = False
    private_names: PrivateNames | None = None  # what no upstream may hear of

    def needs_relay(self) -> bool:
        """Tell whether uv cannot be left to ask the upstreams itself: it would ask all of them for all."""
        return (self.private_names is not None and self.private_names.are_there()) or any(
            upstream.projects or not upstream.verified for upstream in self.upstreams
        )


@dataclass(frozen=True, slots=True)
class Resolution:
    """A pylock document; for one target, or for all of them when `target` is None."""

    pylock: str
    target: str | None = None


def resolve_set(
    request: SetRequest,
    upstreams: Sequence[Upstream],
    private_names: PrivateNames,
    environ: Mapping[str, str],
) -> dict[str | None, Inputs]:
    """Return what uv adds to the lines of a set: by target's name, or for all of them under None."""
    lines = private_names.public_lines(request.inputs.wanted, request.targets)
    if not lines:
        return {None: Inputs()}
    question = ResolverRequest(
        wanted=lines,
        constraints=request.inputs.constraints,
        upstreams=upstreams,
        formats=request.inputs.formats,
        prereleases=request.rules.prereleases,
        private_names=private_names,
    )
    return {answer.target: _read(answer.pylock) for answer in resolve(question, request.targets, environ)}


def _read(pylock: str) -> Inputs:
    with TemporaryDirectory(prefix="pypitool-") as folder:
        path = Path(folder) / "pylock.toml"
        path.write_text(pylock, encoding="utf-8")
        return read_inputs(locks=[path], environ={})


def resolve(
    question: ResolverRequest, targets: Sequence[Target], environ: Mapping[str, str]
) -> tuple[Resolution, ...]:
    """Resolve for all targets at once, or one by one when no universal answer exists."""
    if question.needs_relay():
        return _through_relay(question, targets, environ)
    return _resolved(question, targets, environ)


def _through_relay(
    question: ResolverRequest, targets: Sequence[Target], environ: Mapping[str, str]
) -> tuple[Resolution, ...]:
    from pypitool.mirror.relay import open_relay

    is_ours = question.private_names.is_ours if question.private_names is not None else lambda project: False
    with open_relay(question.upstreams, is_ours) as relay:
        asked = replace(question, upstreams=(Upstream("relay", relay.url),), private_names=None)
        try:
            answers = _resolved(asked, targets, {**environ, **_DIRECT})
        except PypitoolError as error:
            if not relay.failures:
                raise
            # uv knows no more than that the relay failed.
            raise ResolverFailed(str(relay.failures[0])) from error
        return tuple(replace(answer, pylock=relay.restored(answer.pylock)) for answer in answers)


def _resolved(
    question: ResolverRequest, targets: Sequence[Target], environ: Mapping[str, str]
) -> tuple[Resolution, ...]:
    try:
        arguments = ["--universal", "--python-version", lowest_python(tuple(targets))]
        return (Resolution(_compile(question, arguments, environ)),)
    except Unresolvable:
        # Platforms that nobody has must not make a set unsolvable.
        if len(targets) == 1 and uv_platform(targets[0]) is None:
            raise
        return tuple(
            Resolution(_compile(question, _arguments_for(target), environ), target.name) for target in targets
        )


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


def _compile(question: ResolverRequest, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    with tempfile.TemporaryDirectory(prefix="pypitool-") as folder:
        command = [*_command(question, Path(folder)), *arguments]
        try:
            ended = subprocess.run(
                command, env=_environment(question, environ, folder), capture_output=True, text=True,
                timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL, cwd=folder,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ResolverFailed(f"it did not end within {_TIMEOUT:g} s") from error
        except OSError as error:
            raise ResolverFailed(str(error)) from error
    if ended.returncode == 0:
        return ended.stdout
    reason = _tidied(ended.stderr, question)
    if ended.returncode == 1 and "No solution found" in ended.stderr:
        raise Unresolvable(reason)
    raise ResolverFailed(reason or f"exit code {ended.returncode}")


def _command(question: ResolverRequest, folder: Path) -> list[str]:
    (folder / "requirements.in").write_text("".join(_lines(question.wanted)), encoding="utf-8")
    command = [
        uv_program(), "pip", "compile", "requirements.in", "--format", "pylock.toml", "--quiet",
        "--no-header", "--no-config", "--python", sys.executable, "--no-python-downloads", "--no-build",
        "--no-progress", "--color", "never",
        "--prerelease", "allow" if question.prereleases else "if-necessary-or-explicit",
    ]  # fmt: skip
    if question.constraints:
        (folder / "constraints.txt").write_text("".join(_lines(question.constraints)), encoding="utf-8")
        command += ["--constraints", "constraints.txt"]
    for name in sorted(question.formats.no_binary):
        command += ["--no-binary", name]
    return command


def _lines(wanted: Sequence[RequirementLine]) -> Iterator[str]:
    for line in wanted:
        yield f"{line.requirement}\n"


def _indexes(upstreams: Sequence[Upstream]) -> dict[str, str]:
    # uv takes the first index that has a name, as we do. Upstreams of certain projects are asked first;
    # the last of the general ones is its default index.
    ordered = sorted(enumerate(upstreams), key=lambda pair: (not pair[1].projects, pair[0]))
    *first, last = [f"{_index_name(number)}={upstream.index}" for number, upstream in ordered]
    return {"UV_INDEX": " ".join(first), "UV_DEFAULT_INDEX": last} if first else {"UV_DEFAULT_INDEX": last}


def _index_name(number: int) -> str:
    return f"upstream{number}"


def _environment(question: ResolverRequest, environ: Mapping[str, str], folder: str) -> dict[str, str]:
    kept = uv_environment(environ, folder)
    # In the environment: an argument list can be read by everybody on the machine, and the relay is a secret.
    kept.update(_indexes(question.upstreams))
    for number, upstream in enumerate(question.upstreams):
        if upstream.credentials is not None:
            name = _index_name(number).upper()
            kept[f"UV_INDEX_{name}_USERNAME"] = upstream.credentials.user
            kept[f"UV_INDEX_{name}_PASSWORD"] = upstream.credentials.password
        if upstream.ca is not None:
            kept["SSL_CERT_FILE"] = str(upstream.ca)
        if upstream.proxy is not None:
            kept["HTTP_PROXY"] = kept["HTTPS_PROXY"] = upstream.proxy
    return kept


def _tidied(text: str, question: ResolverRequest) -> str:
    for upstream in question.upstreams:
        if upstream.credentials is not None and upstream.credentials.password:
            text = text.replace(upstream.credentials.password, "****")
    return text.strip()
