"""What the configuration and a command line name, as values of a run: upstreams, targets and sets."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.markers import default_environment
from packaging.tags import platform_tags

from pypitool.config.faults import BadConfiguration, WantsConfiguration
from pypitool.config.mirror_tables import SetSettings
from pypitool.config.secrets import password, unreadable, unset
from pypitool.config.settings import Settings
from pypitool.config.upstream_tables import PUBLIC, UpstreamSettings
from pypitool.core.errors import Kind
from pypitool.core.mirror.requirement_lines import LineFault, RequirementLine
from pypitool.core.mirror.selection import FilesPolicy, SelectionRules
from pypitool.core.mirror.target_words import PythonVersion, UnknownPlatform
from pypitool.core.mirror.targets import Platform, Target, make_target
from pypitool.core.state_files import StateFiles
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.inputs import InputFaults, Inputs, read_inputs
from pypitool.mirror.sets import Closure, SetRequest
from pypitool.mirror.web_inputs import WebInputs
from pypitool.repository.state import choose_state
from pypitool.upstream.upstream import Upstream, default_index

if TYPE_CHECKING:
    from threading import Event

    from pypitool.mirror.notify import Recipients

HOST = "host"

_IMPLEMENTATIONS = {"cpython": "cp", "pypy": "pp"}

# A word of the configuration does not determine these; the machine itself does.
_OF_THE_MACHINE = ("platform_release", "platform_version", "implementation_version")


class NoSets(WantsConfiguration):
    """Something is to be done about the sets, and there are none."""

    kind = Kind.CONFIG
    sentence = "the configuration has no sets"
    hint = "write a [set.NAME] table into the configuration; config.example.toml has one"


class UnknownName(WantsConfiguration):
    """A target, a set or a job that the configuration does not have."""

    kind = Kind.USAGE
    sentence = "there is no {what} `{name}`"
    what: str
    name: str
    known: Sequence[str]

    def __post_init__(self) -> None:
        known = f"known: {', '.join(self.known)}"
        self.hint = known if self.known else f"the configuration has no {self.what}"
        super().__post_init__()


def upstreams(settings: Settings, environ: Mapping[str, str]) -> tuple[Upstream, ...]:
    """Return where packages come from, in order; without any configured, the public PyPI."""
    configured = settings.upstreams or (UpstreamSettings(PUBLIC, PUBLIC),)
    faults = [*unreadable(configured), *unset(configured, environ)]
    if faults:
        raise BadConfiguration(faults)
    return tuple(_upstream(one, environ) for one in configured)


def _upstream(one: UpstreamSettings, environ: Mapping[str, str]) -> Upstream:
    at = upstream_at(one.name, _address(one.index))
    return replace(
        at,
        projects=one.projects,
        workers=one.workers,
        retries=one.retries,
        timeout=one.timeout,
        retry_after_max=one.retry_after_max,
        credentials=Credentials(one.auth.user, password(one.auth, environ)) if one.auth else at.credentials,
        ca=one.ca,
        proxy=one.proxy,
        allow_unhashed=one.allow_unhashed,
    )


def _address(index: str) -> str:
    return default_index() if index == PUBLIC else index


def with_flags(
    configured: Sequence[Upstream],
    *,
    index: str | None = None,
    extra: Sequence[str] = (),
    proxy: str | None = None,
    ca: Path | None = None,
    trusted: Sequence[str] = (),
    allow_unhashed: bool = False,
) -> tuple[Upstream, ...]:
    """Return the upstreams to ask: `index` replaces the configured ones, `extra` ones follow."""
    asked = list(configured) if index is None else [upstream_at("index", index)]
    asked += [upstream_at(f"extra{number}", url) for number, url in enumerate(extra, 1)]
    return tuple(
        replace(
            upstream,
            proxy=proxy or upstream.proxy,
            ca=ca or upstream.ca,
            verified=upstream.verified and urlsplit(upstream.index).hostname not in _hosts(trusted),
            allow_unhashed=upstream.allow_unhashed or allow_unhashed,
        )
        for upstream in asked
    )


def _hosts(trusted: Sequence[str]) -> set[str]:
    # pip takes `host` and `host:port`; for our one question the host is enough.
    return {host.partition(":")[0] for host in trusted}


def upstream_at(name: str, url: str) -> Upstream:
    """Return an upstream by its address; user and password move out of it."""
    parts = urlsplit(url)
    credentials = None
    if parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return Upstream(name, f"{bare.rstrip('/')}/", credentials=credentials)


def targets(settings: Settings) -> tuple[Target, ...]:
    """Return what the clients run; without any configured, this machine."""
    if not settings.targets:
        return (host_target(),)
    return tuple(
        make_target(
            one.name,
            python=one.python,
            platform=one.platform,
            implementation=one.implementation,
            abis=one.abi,
            markers=dict(one.markers),
        )
        for one in settings.targets
    )


def named_targets(names: Sequence[str], configured: Sequence[Target]) -> tuple[Target, ...]:
    """Return the configured targets of these names."""
    by_name = {target.name: target for target in configured}
    for name in names:
        if name not in by_name:
            raise UnknownName("target", name, sorted(by_name))
    return tuple(by_name[name] for name in names)


def anonymous_targets(
    platforms: Sequence[str], pythons: Sequence[str], implementation: str | None, abis: Sequence[str]
) -> tuple[Target, ...]:
    """Return each platform with each Python; what is not given is the host's."""
    host = host_target()
    if not (platforms or pythons or implementation or abis):
        return (host,)
    machines = [Platform.parse(word) for word in platforms] or [host.platform]
    versions = [PythonVersion.parse(word) for word in pythons] or [host.python]
    return tuple(
        replace(
            host,
            name=f"{_python_word(python)}-{machine.word}",
            python=python,
            platform=machine,
            implementation=implementation or host.implementation,
            abis=tuple(abis),
        )
        for machine in machines
        for python in versions
    )


def _python_word(python: PythonVersion) -> str:
    return f"py{python.major}.{python.minor}{'t' if python.free_threaded else ''}"


def host_target() -> Target:
    """Return the target that this interpreter on this machine is."""
    name = sys.implementation.name
    environment: Mapping[str, object] = default_environment()
    return Target(
        HOST,
        _python(),
        host_platform(platform_tags()),
        _IMPLEMENTATIONS.get(name, name),
        markers=MappingProxyType({variable: str(environment[variable]) for variable in _OF_THE_MACHINE}),
    )


def host_platform(tags: Iterable[str]) -> Platform:
    """Return the machine that installs these platform tags, best first."""
    words = list(tags)
    for word in words:
        # `linux_x86_64` may come first and says nothing about the C library.
        try:
            return Platform.parse(word)
        except UnknownPlatform:
            continue
    raise UnknownPlatform(words[0] if words else sysconfig.get_platform())


def _python() -> PythonVersion:
    major, minor, micro = sys.version_info[:3]
    return PythonVersion(major, minor, micro, free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")))


def web_inputs(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    stop: Event | None = None,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    only_copies: bool = False,
    without_copy: bytes | None = None,
) -> WebInputs:
    """Return what reads https addresses of requirements; `only_copies`: only what the last `sync` kept.

    What it did not keep is a fault then, or `without_copy`.
    """
    server = settings.server
    copies = StateFiles(choose_state(server.packages, server.state, environ)).inputs if only_copies else None
    return WebInputs(
        upstreams=lambda: upstreams(settings, environ),
        elsewhere=partial(upstream_at, "address"),
        copies=copies,
        without_copy=without_copy,
        waiting=waiting,
        stop=stop,
    )


def check_set_names(settings: Settings, names: Sequence[str]) -> None:
    """Raise `UnknownName` for the first name that no set has."""
    known = [one.name for one in settings.sets]
    for name in names:
        if name not in known:
            raise UnknownName("set", name, sorted(known))


def set_requests(
    settings: Settings,
    names: Sequence[str],
    environ: Mapping[str, str] | None = None,
    *,
    resolve: bool = False,
    web: WebInputs | None = None,
) -> tuple[SetRequest, ...]:
    """Read the inputs of the named sets, or of all; every fault of all of them is raised at once.

    With `resolve` uv adds what is missing, whatever the sets say. Without `web` addresses are asked as
    `web_inputs` says.
    """
    web = web or web_inputs(settings, os.environ if environ is None else environ)
    check_set_names(settings, names)
    if not settings.sets:
        raise NoSets
    every, requests, faults = targets(settings), [], list[LineFault]()
    for one in settings.sets:
        if names and one.name not in names:
            continue
        try:
            requests.append(
                _request(settings, one, every, environ, web, Closure("resolve" if resolve else one.closure))
            )
        except InputFaults as wrong:
            faults += wrong.faults
    if faults:
        # A file that two sets share is reported once.
        raise InputFaults(list(dict.fromkeys(faults)))
    return tuple(requests)


def _request(
    settings: Settings,
    one: SetSettings,
    every: tuple[Target, ...],
    environ: Mapping[str, str] | None,
    web: WebInputs,
    closure: Closure,
) -> SetRequest:
    inputs = read_inputs(
        requirements=one.requirements,
        constraints=one.constraints,
        locks=one.lock,
        environ=environ,
        fetch=web.read,
    )
    return SetRequest(
        name=one.name,
        inputs=inputs,
        targets=named_targets(one.targets, every) if one.targets else every,
        closure=closure,
        rules=selection_rules(settings, inputs, one.files),
        cooldown=cooldown(settings),
    )


def named_request(
    command: str,
    settings: Settings,
    inputs: Inputs,
    targets: tuple[Target, ...],
    *,
    no_deps: bool = False,
    resolve: bool = False,
    exact: tuple[RequirementLine, ...] = (),
) -> SetRequest:
    """Return what a command line asks for, as a set that is called like the command."""
    closure = Closure.OFF if no_deps else Closure.RESOLVE if resolve else Closure.CHECK
    rules = selection_rules(settings, inputs)
    return SetRequest(command, inputs, targets, closure, rules, cooldown(settings), exact, "this")


def cooldown(settings: Settings) -> timedelta:
    """Return how old a file has to be before anybody chooses it."""
    return timedelta(seconds=settings.policy.cooldown)


def selection_rules(settings: Settings, inputs: Inputs, files: str | None = None) -> SelectionRules:
    """Return what limits the choice of files: the policy, and what the inputs say."""
    policy = settings.policy
    return SelectionRules(
        files=FilesPolicy(files or policy.files),
        formats=inputs.formats,
        prereleases=policy.prereleases or inputs.prereleases,
        yanked=policy.yanked == "pinned",
        max_size=policy.max_file_size,
    )


def asks_about_copied_in(settings: Settings) -> bool:
    """Tell whether an upstream may hear the names of files that were copied in."""
    return settings.policy.copied_in == "match"


def recipients(settings: Settings) -> Recipients | None:
    """Return who is told how a run ended; None: nobody is, and what would tell them is not imported."""
    told = settings.notify
    if not (told.webhook or told.command):
        return None
    from pypitool.mirror.notify import NotifyOn, Recipients

    return Recipients(told.webhook, tuple(map(str, told.command or ())), NotifyOn(told.on))
