"""Options that several commands of the mirror share: what is wanted, for whom, and from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pypitool.cli.command import option
from pypitool.cli.completing import target_names
from pypitool.cli.invocation import Invocation
from pypitool.cli.mirror_run import interruptible
from pypitool.core.mirror.input_place import InputPlace, input_place

if TYPE_CHECKING:
    from pypitool.config.settings import Settings
    from pypitool.core.mirror.targets import Target
    from pypitool.mirror.inputs import Inputs
    from pypitool.mirror.web_inputs import WebInputs
    from pypitool.upstream.upstream import Upstream

_WHAT, _WHOM, _WHERE = "What", "For whom", "From where"
_FILE = click.Path(path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class RequirementOptions:
    """What the command line asks for."""

    lines: tuple[str, ...] = ()
    requirements: tuple[InputPlace, ...] = ()
    constraints: tuple[InputPlace, ...] = ()
    require_hashes: bool = False
    only_binary: tuple[str, ...] = ()
    no_binary: tuple[str, ...] = ()
    pre: bool = False

    def is_empty(self) -> bool:
        """Tell whether nothing is asked for."""
        return not (self.lines or self.requirements)

    def read(self, web: WebInputs) -> Inputs:
        """Read every file that is named, here or at an address."""
        from pypitool.mirror.inputs import combined_formats, read_inputs

        inputs = read_inputs(
            requirements=self.requirements,
            constraints=self.constraints,
            lines=self.lines,
            require_hashes=self.require_hashes,
            fetch=web.read,
        )
        formats = combined_formats(inputs.formats, self.only_binary, self.no_binary)
        return replace(inputs, formats=formats, prereleases=inputs.prereleases or self.pre)


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Which targets the command line names."""

    target_names: tuple[str, ...]
    platforms: tuple[str, ...]
    pythons: tuple[str, ...]
    implementation: str | None
    abis: tuple[str, ...]

    def names_any(self) -> bool:
        """Tell whether a target is named at all."""
        return any((self.target_names, self.platforms, self.pythons, self.implementation, self.abis))

    def targets(self, configured: tuple[Target, ...]) -> tuple[Target, ...]:
        """Return them: by name, or each platform with each Python, or the host."""
        from pypitool.mirror.configured import anonymous_targets, named_targets

        named = named_targets(self.target_names, configured)
        if named and not (self.platforms or self.pythons):
            return named
        return named + anonymous_targets(self.platforms, self.pythons, self.implementation, self.abis)


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """Which upstreams the command line names."""

    index: str | None
    extra: tuple[str, ...]
    proxy: str | None
    cert: Path | None
    trusted: tuple[str, ...]
    allow_unhashed: bool

    def upstreams(self, configured: tuple[Upstream, ...]) -> tuple[Upstream, ...]:
        """Return them; what the flags do not say is as configured."""
        from pypitool.mirror.configured import with_flags

        return with_flags(
            configured,
            index=self.index,
            extra=self.extra,
            proxy=self.proxy,
            ca=self.cert,
            trusted=self.trusted,
            allow_unhashed=self.allow_unhashed,
        )

    def web_inputs(self, settings: Settings, invocation: Invocation) -> WebInputs:
        """Return what reads addresses of requirements: as pages of these upstreams where they are theirs."""
        from pypitool.mirror.configured import upstream_at, upstreams, with_flags
        from pypitool.mirror.web_inputs import WebInputs

        def elsewhere(address: str) -> Upstream:
            at = [upstream_at("address", address)]
            (upstream,) = with_flags(at, proxy=self.proxy, ca=self.cert, trusted=self.trusted)
            return upstream

        return WebInputs(
            upstreams=lambda: self.upstreams(upstreams(settings, invocation.environ)),
            elsewhere=elsewhere,
            stop=invocation.stop,
            waiting=partial(interruptible, invocation),
        )


def requirement_options(function: F) -> F:
    """Give a command the options that say what is wanted; it gets them as `wanted`."""
    return gathered(
        function,
        "wanted",
        RequirementOptions,
        click.argument("lines", metavar="[REQUIREMENT]...", nargs=-1),
        *_files(),
        option(
            "--require-hashes", is_flag=True, topic=_WHAT, help="Demand a hash of every requirement."
        ),
        option(
            "--only-binary", multiple=True, topic=_WHAT, metavar="NAMES",
            help="Take no sdists of these projects, or of `:all:`.",
        ),
        option(
            "--no-binary", multiple=True, topic=_WHAT, metavar="NAMES",
            help="Take no wheels of these projects, or of `:all:`.",
        ),
        option("--pre", is_flag=True, topic=_WHAT, help="Take pre-releases too."),
    )  # fmt: skip


def requirement_file_options(function: F) -> F:
    """Give a command `-r` and `-c` alone; it gets them as `wanted`."""
    return gathered(function, "wanted", RequirementOptions, *_files())


def target_options(function: F) -> F:
    """Give a command the options that name targets; it gets them as `whom`."""
    return gathered(
        function,
        "whom",
        TargetOptions,
        option(
            "--target", "target_names", multiple=True, topic=_WHOM, metavar="NAME",
            shell_complete=target_names, help="A target of `[targets]`.",
        ),
        option(
            "--platform", "platforms", multiple=True, topic=_WHOM, metavar="TAG",
            help="A platform, as wheels name it: manylinux_2_28_x86_64, win_amd64, macosx_14_0_arm64.",
        ),
        option(
            "--python-version", "pythons", multiple=True, topic=_WHOM, metavar="VERSION",
            help="A Python: 3.12, 3.12.4, 3.13t.",
        ),
        option(
            "--implementation", type=click.Choice(["cp", "pp"]), topic=_WHOM,
            help="CPython or PyPy.",
        ),
        option("--abi", "abis", multiple=True, topic=_WHOM, metavar="ABI", help="An ABI tag, as cp312."),
    )  # fmt: skip


def upstream_options(function: F) -> F:
    """Give a command the options that name upstreams; it gets them as `where`."""
    return gathered(
        function,
        "where",
        UpstreamOptions,
        option(
            "-i", "--index-url", "index", topic=_WHERE, metavar="URL",
            help="Fetch from this index; default: the first configured upstream, else the public PyPI.",
        ),
        option(
            "--extra-index-url", "extra", multiple=True, topic=_WHERE, metavar="URL",
            help="Ask this index for projects that the ones before do not have.",
        ),
        option("--proxy", topic=_WHERE, metavar="URL", help="Go through this proxy."),
        option("--cert", type=_FILE, topic=_WHERE, metavar="FILE", help="Trust these authorities, PEM."),
        option(
            "--trusted-host", "trusted", multiple=True, topic=_WHERE, metavar="HOST",
            help="Take this host's certificate unverified.",
        ),
        option(
            "--allow-unhashed", is_flag=True, topic=_WHERE,
            help="Take files for which the index gives no sha256.",
        ),
    )  # fmt: skip


class _Place(click.Path):
    """A file, or an address: as a path it would lose one of its slashes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the word names."""
        if isinstance(value, str) and not isinstance(place := input_place(value), Path):
            return place
        return super().convert(value, param, ctx)


def _files() -> tuple[Callable[[Any], Any], ...]:
    place = _Place(path_type=Path)
    return (
        option(
            "-r", "--requirement", "requirements", multiple=True, type=place, topic=_WHAT, metavar="FILE",
            help="Take the requirements of this file or https address, or the pins of this lock "
            "(pylock, uv.lock).",
        ),
        option(
            "-c", "--constraint", "constraints", multiple=True, type=place, topic=_WHAT, metavar="FILE",
            help="Limit versions as this file or https address says.",
        ),
    )  # fmt: skip


def gathered(function: F, name: str, kind: Any, *decorators: Callable[[Any], Any]) -> F:
    """Give a command options that it gets as one value, a dataclass with a field for each."""

    @wraps(function)
    def gathering(*args: Any, **options: Any) -> Any:
        given = {each.name: options.pop(each.name) for each in fields(kind) if each.name in options}
        return function(*args, **options, **{name: kind(**given)})

    for decorator in reversed(decorators):
        gathering = decorator(gathering)
    return gathering  # type: ignore[return-value]  # the same function, with other keywords
