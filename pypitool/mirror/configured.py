"""From the configuration to the values that a run works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pypitool.config.faults import BadConfiguration
from pypitool.config.mirror_settings import SetSettings, UpstreamSettings
from pypitool.config.secrets import password, unreadable, unset
from pypitool.config.settings import Settings
from pypitool.config.table_checks import PUBLIC
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.mirror.requirement_lines import Fault
from pypitool.core.mirror.selection import FilesPolicy, SelectionRules
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.inputs import InputFaults, Inputs, read_inputs
from pypitool.mirror.naming_targets import UnknownName, named_targets
from pypitool.mirror.naming_upstreams import upstream_at
from pypitool.mirror.sets import Closure, SetRequest
from pypitool.upstream.page_model import Upstream

if TYPE_CHECKING:
    from pypitool.mirror.notify import Recipients


class NoSets(PypitoolError):
    """Something is to be done about the sets, and there are none."""

    kind: ClassVar[Kind] = Kind.CONFIG
    hint = "write a [set.NAME] table into the configuration; config.example.toml has one"

    def __str__(self) -> str:
        return "the configuration has no sets"


def upstreams(settings: Settings, environ: Mapping[str, str]) -> tuple[Upstream, ...]:
    """Return where packages come from, in order; without any configured, the public PyPI."""
    configured = settings.upstreams or (UpstreamSettings(PUBLIC, PUBLIC),)
    faults = [*unreadable(configured), *unset(configured, environ)]
    if faults:
        raise BadConfiguration(faults)
    return tuple(_upstream(one, environ) for one in configured)


def targets(settings: Settings) -> tuple[Target, ...]:
    """Return what the clients run; without any configured, this machine."""
    if not settings.targets:
        from pypitool.mirror.host import host_target

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


def check_set_names(settings: Settings, names: Sequence[str]) -> None:
    """Raise `UnknownName` for the first name that no set has."""
    known = [one.name for one in settings.sets]
    for name in names:
        if name not in known:
            raise UnknownName("set", name, sorted(known))


def set_requests(
    settings: Settings, names: Sequence[str], environ: Mapping[str, str] | None = None
) -> tuple[SetRequest, ...]:
    """Read the inputs of the named sets, or of all; every fault of all of them is raised at once."""
    check_set_names(settings, names)
    if not settings.sets:
        raise NoSets
    every, requests, faults = targets(settings), [], list[Fault]()
    for one in settings.sets:
        if names and one.name not in names:
            continue
        try:
            requests.append(_request(settings, one, every, environ))
        except InputFaults as wrong:
            faults += wrong.faults
    if faults:
        # A file that two sets share is reported once.
        raise InputFaults(list(dict.fromkeys(faults)))
    return tuple(requests)


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


def recipients(settings: Settings) -> Recipients:
    """Return who is told how a run ended."""
    from pypitool.mirror.notify import NotifyOn, Recipients

    told = settings.notify
    return Recipients(told.webhook, tuple(map(str, told.command or ())), NotifyOn(told.on))


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
    if index != PUBLIC:
        return index
    from pypitool.upstream.public_index import default_index

    return default_index()


def _request(
    settings: Settings, one: SetSettings, every: tuple[Target, ...], environ: Mapping[str, str] | None
) -> SetRequest:
    inputs = read_inputs(
        requirements=one.requirements, constraints=one.constraints, locks=one.lock, environ=environ
    )
    return SetRequest(
        name=one.name,
        inputs=inputs,
        targets=named_targets(one.targets, every) if one.targets else every,
        closure=Closure(one.closure),
        rules=selection_rules(settings, inputs, one.files),
    )
