"""What the relay shows of each project: from the upstream that has it, or from what is held of it.

A project that nobody may be asked about, that no upstream has, or whose page fails stands there with what is
held of it. Only pages that the resolver asks for are read, each once in a run.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from pypitool.core.errors import PypitoolError
from pypitool.core.guard import Guard
from pypitool.core.mirror.requirement_lines import RequirementLine
from pypitool.core.mirror.selection import Candidate, fits, is_pin
from pypitool.core.mirror.shown_releases import (
    ProjectTerms,
    ReleaseRules,
    ShownReleases,
    show_releases,
)
from pypitool.core.mirror.targets import Target
from pypitool.core.model import FileKind
from pypitool.core.versions import parsed
from pypitool.mirror.available import HeldFiles
from pypitool.mirror.private_names import PrivateNames
from pypitool.mirror.sdist_metadata import SdistMetadata
from pypitool.mirror.upstream_clock import now_at
from pypitool.upstream.fetch_page import UpstreamPage, find_page
from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream_errors import NoSuchProject, Stopped


@dataclass(frozen=True, slots=True)
class KnownReleases:
    """What an upstream has of one project, as somebody has read it in this run."""

    upstream: str
    candidates: tuple[Candidate, ...]
    clock_skew: float = 0.0


@dataclass(frozen=True, slots=True)
class ReleaseSources:
    """Where releases come from: the upstreams, and the directory."""

    sessions: Sequence[UpstreamSession]
    private_names: PrivateNames
    stop: threading.Event = field(default_factory=threading.Event)
    # What was read in this run: nobody asks for it again, be it for another set or for the files.
    pages: dict[NormalizedName, UpstreamPage] = field(default_factory=dict)
    # The same for all questions, and what somebody has found out before: also that a page cannot be had.
    known: dict[NormalizedName, KnownReleases | PypitoolError] = field(default_factory=dict)


@dataclass(frozen=True)
class ShownTerms:
    """What decides which releases of each project are shown."""

    rules: ReleaseRules = ReleaseRules()
    lines: Sequence[RequirementLine] = ()  # requirements and constraints: what they pin exactly is exempt
    have: Mapping[NormalizedName, Version] = field(default_factory=dict)
    served: Mapping[NormalizedName, Sequence[Target]] = field(default_factory=dict)
    only_held: frozenset[NormalizedName] = frozenset()
    passes_over: bool = False  # a project whose page fails is not there, and ends nothing

    def of(self, project: NormalizedName) -> ProjectTerms:
        """Return what concerns one project."""
        mine = self._by_project.get(project, [])
        have = self.have.get(project)
        return ProjectTerms(
            named=frozenset(version for line in mine for version in _pinned(line)),
            have=frozenset(() if have is None else (have,)),
            served=self.served.get(project),
            hashes=_hashes(mine),
        )

    @cached_property
    def _by_project(self) -> Mapping[NormalizedName, list[RequirementLine]]:
        lines: dict[NormalizedName, list[RequirementLine]] = defaultdict(list)
        for line in self.lines:
            lines[canonicalize_name(line.requirement.name)].append(line)
        return lines


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that a page of this run has listed: who serves it, and what is known of it."""

    candidate: Candidate
    session: UpstreamSession | None  # None: it is held, and no upstream is asked for it
    is_standin: bool = False  # for an sdist: its metadata may be asked for, and nothing else

    @property
    def has_metadata(self) -> bool:
        """Whether its page says that its metadata may be asked for."""
        return self.is_standin or (
            self.candidate.kind is FileKind.WHEEL and self.candidate.metadata_sha256 is not None
        )


class RelayPages:
    """The pages of one run: read once, shown for all targets or for one."""

    def __init__(self, sources: ReleaseSources, terms: ShownTerms) -> None:
        self._sources = sources
        self._terms = terms
        self._held = HeldFiles(sources.private_names.reader)
        self._lock = threading.Lock()
        self._sdists = SdistMetadata(sources.private_names.reader)
        # What a release needs that nobody may choose: no index has it.
        self.impossible = f"known-only-when-built-{secrets.token_hex(8)}"
        self.listed: list[ShownFile] = []
        self.shown: dict[NormalizedName, ShownReleases] = {}  # on the last page of each project
        self.failures: dict[NormalizedName, PypitoolError] = {}
        # Sdists of which nobody knows what they need: asked for, and in no answer.
        self.dynamic: dict[NormalizedName, list[str]] = defaultdict(list)
        self.builds_are_believed = False  # an sdist of which nothing is known needs nothing

    @property
    def workers(self) -> int:
        """How many requests the upstreams get at a time."""
        return max(1, sum(session.upstream.workers for session in self._sources.sessions))

    def page(self, project: NormalizedName, targets: Sequence[Target], root: str) -> bytes:
        """Return the document of a project; the addresses in it begin with `root`."""
        if project == self.impossible:
            raise NoSuchProject(root, "nobody has it")
        session, shown = self._shown(project, targets)
        self.shown[project] = shown
        files = [self._file(file, session, root) for file in shown.files]
        files += [self._file(file, session, root, True) for file in _standins(shown.files, targets)]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}).encode()

    def metadata(self, listed: ShownFile) -> bytes | None:
        """Return the metadata of a file that is known here; None: its upstream is to be asked."""
        candidate = listed.candidate
        if candidate.kind is not FileKind.SDIST:
            digest = candidate.metadata_sha256
            return self._sources.private_names.reader.metadata(digest) if digest is not None else None
        said = self._sdists.of(candidate, listed.session)
        terms = self._terms.of(candidate.project)
        was_chosen = candidate.version in terms.named | terms.have
        if said.is_static or was_chosen or self.builds_are_believed:
            return said.as_metadata(candidate)
        self.dynamic[candidate.project].append(str(candidate.version))
        return said.as_metadata(candidate, more=(self.impossible,))

    def _shown(
        self, project: NormalizedName, targets: Sequence[Target]
    ) -> tuple[UpstreamSession | None, ShownReleases]:
        terms = self._terms.of(project)
        page = self._page_of(project)
        held = [one for one in self._held.candidates(project) if one.metadata_sha256 or _is_sdist(one)]
        if page is None:
            rules = ReleaseRules(self._terms.rules.selection)  # what is held has passed
            return None, show_releases(held, targets, rules, replace(terms, served=None), now_at(0))
        session = next(one for one in self._sources.sessions if one.upstream.name == page.upstream)
        rules = self._rules(session)
        shown = show_releases(page.candidates, targets, rules, terms, now_at(page.clock_skew))
        missing = (terms.have | terms.named) - {file.version for file in shown.files}
        kept = tuple(file for file in held if file.version in missing)
        return session, replace(shown, files=shown.files + kept)

    def _page_of(self, project: NormalizedName) -> KnownReleases | None:
        """Return what an upstream has of a project; None: it stands there with what is held of it."""
        found = self._found(project)
        if isinstance(found, KnownReleases):
            return found
        if isinstance(found, Stopped):
            raise found
        if not isinstance(found, NoSuchProject):
            self.failures[project] = found
        if not self._held.candidates(project):
            raise NoSuchProject("", str(found)) if self._terms.passes_over else found
        return None

    def _found(self, project: NormalizedName) -> KnownReleases | PypitoolError:
        if project in self._terms.only_held or self._sources.private_names.is_ours(project):
            return NoSuchProject("", f"nobody is asked for {project}: it is ours")
        known = self._sources.known
        if project not in known:
            known[project] = self._asked(project)
        return known[project]

    def _asked(self, project: NormalizedName) -> KnownReleases | PypitoolError:
        def work() -> KnownReleases | PypitoolError:
            pages = self._sources.pages
            if project not in pages:
                found = find_page(project, self._sources.sessions, {})
                assert isinstance(found, UpstreamPage)  # nothing was known of it
                pages[project] = found
            page = pages[project]
            return KnownReleases(page.upstream, page.candidates, page.clock_skew)

        return Guard.run(work, lambda error: error)

    def _rules(self, session: UpstreamSession) -> ReleaseRules:
        rules = self._terms.rules
        allowed = rules.selection.allow_unhashed or session.upstream.allow_unhashed
        return replace(rules, selection=replace(rules.selection, allow_unhashed=allowed))

    def _file(
        self, candidate: Candidate, session: UpstreamSession | None, root: str, is_standin: bool = False
    ) -> dict[str, Any]:
        listed = ShownFile(candidate, session if candidate.url else None, is_standin)
        with self._lock:
            number = len(self.listed)
            self.listed.append(listed)
        name = _standin_name(candidate) if is_standin else candidate.filename
        file: dict[str, Any] = {
            "filename": name,
            "url": f"{root}/file/{number}/{quote(name)}",
            "hashes": dict(text.split(":", 1) for text in candidate.hashes),
            "yanked": False,
            "requires-python": candidate.requires_python,
            "size": candidate.size,
            "upload-time": candidate.upload_time,
        }
        if listed.has_metadata:
            digest = candidate.metadata_sha256
            file["core-metadata"] = True if is_standin else {"sha256": digest}
        return {key: value for key, value in file.items() if value is not None}


def _standins(files: Sequence[Candidate], targets: Sequence[Target]) -> Iterator[Candidate]:
    """Yield the sdist of each release that uv would pass over: it looks at wheels only, as it builds nothing.

    For one target a wheel has to fit it, for all together any is enough.
    """
    releases: dict[Version, list[Candidate]] = defaultdict(list)
    for file in files:
        releases[file.version].append(file)
    for release in releases.values():
        wheels = [file for file in release if file.kind is FileKind.WHEEL]
        if not any(len(targets) > 1 or fits(wheel, targets[0]) for wheel in wheels):
            yield from sorted((file for file in release if _is_sdist(file)), key=_name_of)[:1]


def _name_of(candidate: Candidate) -> str:
    return candidate.filename


def _standin_name(candidate: Candidate) -> str:
    version = str(candidate.version).replace("-", "_")
    return f"{candidate.project.replace('-', '_')}-{version}-py3-none-any.whl"


def _is_sdist(candidate: Candidate) -> bool:
    return candidate.kind is FileKind.SDIST


def _hashes(lines: Sequence[RequirementLine]) -> frozenset[str]:
    """Return which bytes are meant: everything is, where a line does not say."""
    listed = [line.hashes for line in lines]
    return frozenset[str]().union(*listed) if all(listed) else frozenset()


def _pinned(line: RequirementLine) -> Iterator[Version]:
    if not is_pin(line.requirement.specifier):
        return
    for clause in line.requirement.specifier:
        if clause.operator in ("==", "===") and not clause.version.endswith(".*"):
            version = parsed(clause.version)
            if version is not None:
                yield version
