from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from pypitool.core.mirror.selection import SelectionRules
from pypitool.core.mirror.shown_releases import ReleaseRules
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.names import normalize
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.resolve import (
    KnownOnlyWhenBuilt,
    Resolution,
    ResolverRequest,
    Unresolvable,
    resolve,
    uv_platform,
)
from pypitool.repository.repository import Repository
from pypitool.repository.scan import scan_if_alone
from pypitool.upstream.upstream import Upstream
from tests.support.asked_of_uv import sources, wanted
from tests.support.offers import aged
from tests.support.repositories import publish_wheel
from tests.support.upstream import FakeUpstream, Offer, respond
from tests.support.wheels import Release, sdist_bytes, wheel_bytes, wheel_filename

pytestmark = pytest.mark.process

LINUX = make_target("linux", python="3.12", platform="manylinux_2_39_x86_64")
WINDOWS = make_target("windows", python="3.11", platform="win_amd64")


def wheel(name: str, version: str, *requires: str, requires_python: str | None = None) -> Offer:
    release = Release(name, version, requires, requires_python)
    return Offer(
        wheel_filename(release),
        wheel_bytes(release),
        requires_python=requires_python,
        metadata=release.metadata(),
    )


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers = {
            "a": [wheel("a", "1.0"), wheel("a", "2.0", "b>=1", 'w; sys_platform == "win32"')],
            "b": [wheel("b", "1.0"), wheel("b", "1.5"), wheel("b", "2.0rc1")],
            "w": [wheel("w", "1.0")],
        }
        yield upstream


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    packages = tmp_path / "packages"
    packages.mkdir()
    with Repository.open([packages], environ={}) as repository:
        yield repository


@dataclass(frozen=True)
class Asking:
    """Asks uv for what the fake upstream has, or others in its place."""

    fake: FakeUpstream
    repository: Repository
    home: Path

    def __call__(
        self,
        *texts: str,
        targets: tuple[Target, ...] = (LINUX, WINDOWS),
        upstreams: tuple[Upstream, ...] = (),
        private: tuple[str, ...] = (),
        **more: Any,
    ) -> tuple[Resolution, ...]:
        question = ResolverRequest(wanted(*texts), targets, **more)
        asked = upstreams or (Upstream("fake", self.fake.url, retries=0),)
        with sources(self.repository, *asked, private=private) as where:
            return resolve(question, where, environment(self.home)).answers


@pytest.fixture
def ask(fake: FakeUpstream, repository: Repository, tmp_path: Path) -> Asking:
    return Asking(fake, repository, tmp_path)


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(tmp_path), "UV_INDEX_URL": "http://127.0.0.1:9/", "PIP_INDEX_URL": "x"}


def pins(resolution: Resolution, target: Target) -> list[str]:
    return [
        f"{line.requirement.name}{line.requirement.specifier}"
        for line in resolution.inputs.wanted
        if target.applies(line.requirement.marker)
    ]


def test_one_lock_holds_for_every_target(ask: Asking) -> None:
    (resolution,) = ask("a")

    assert pins(resolution, LINUX) == ["a==2.0", "b==1.5"]
    assert pins(resolution, WINDOWS) == ["a==2.0", "b==1.5", "w==1.0"]
    assert all(line.hashes for line in resolution.inputs.wanted)


def test_prereleases_are_taken_when_allowed(ask: Asking) -> None:
    (resolution,) = ask("b", rules=ReleaseRules(SelectionRules(prereleases=True)))

    assert pins(resolution, LINUX) == ["b==2.0rc1"]


def test_constraints_limit_the_answer(ask: Asking) -> None:
    (resolution,) = ask("a", targets=(LINUX,), constraints=wanted("a<2"))

    assert pins(resolution, LINUX) == ["a==1.0"]


def test_what_cannot_be_satisfied_is_said_by_name(ask: Asking) -> None:
    with pytest.raises(Unresolvable, match="a"):
        ask("a>=3")


def test_a_platform_that_nobody_has_does_not_make_a_set_unsolvable(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["m"] = [wheel("m", "1.0", 'gone; sys_platform == "darwin"')]

    resolutions = ask("m")

    assert [resolution.target for resolution in resolutions] == ["linux", "windows"]
    assert pins(resolutions[0], LINUX) == ["m==1.0"]


def test_an_sdist_is_never_built(fake: FakeUpstream, ask: Asking, tmp_path: Path) -> None:
    evil = Release("evil", "1.0", metadata_version="2.1")
    marker = tmp_path / "was-run"
    setup = f"open({str(marker)!r}, 'w')\n".encode()
    fake.index.offers["evil"] = [Offer("evil-1.0.tar.gz", sdist_bytes(evil, extra_files={"setup.py": setup}))]

    with pytest.raises(KnownOnlyWhenBuilt, match=r"evil 1\.0") as caught:
        ask("evil")

    assert caught.value.hint is not None
    assert "`evil==1.0`" in caught.value.hint

    assert not marker.exists()


def test_credentials_are_sent_and_never_shown(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.credentials = ("mirror", "s3cret")
    upstream = Upstream("fake", fake.url, credentials=Credentials("mirror", "s3cret"))

    (resolution,) = ask("b", upstreams=(upstream,))
    assert pins(resolution, LINUX) == ["b==1.5"]

    with pytest.raises(Unresolvable) as caught:
        ask("absent", upstreams=(upstream,))
    assert "s3cret" not in str(caught.value)


def test_the_first_index_that_has_a_name_is_taken(fake: FakeUpstream, ask: Asking) -> None:
    with FakeUpstream() as house:
        house.index.offers["b"] = [wheel("b", "0.5")]
        upstreams = (Upstream("public", fake.url), Upstream("house", house.url, projects=("b",)))

        (resolution,) = ask("b", upstreams=upstreams)

    assert pins(resolution, LINUX) == ["b==0.5"]


@pytest.mark.parametrize(
    ("platform", "word"),
    [
        ("manylinux_2_39_x86_64", "x86_64-manylinux_2_39"),
        ("manylinux_2_30_aarch64", "aarch64-manylinux_2_28"),
        ("manylinux_2_12_x86_64", "x86_64-manylinux2014"),
        ("musllinux_1_2_x86_64", "x86_64-unknown-linux-musl"),
        ("macosx_14_0_arm64", "aarch64-apple-darwin"),
        ("macosx_14_0_x86_64", "x86_64-apple-darwin"),
        ("win32", "i686-pc-windows-msvc"),
        ("manylinux_2_28_s390x", None),
    ],
)
def test_platforms_have_uvs_words(platform: str, word: str | None) -> None:
    assert uv_platform(make_target("t", python="3.12", platform=platform)) == word


WEEK = ReleaseRules(cooldown=timedelta(days=7))


def test_nothing_that_is_younger_than_the_cooldown_is_chosen(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [aged(wheel("a", "1.0", "b"), 8), aged(wheel("a", "2.0"), 6)]
    fake.index.offers["b"] = [aged(wheel("b", "1.0"), 30), aged(wheel("b", "1.5"), 1)]

    (resolution,) = ask("a", rules=WEEK)

    assert pins(resolution, LINUX) == ["a==1.0", "b==1.0"]


def test_a_file_of_unknown_age_is_too_young(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [aged(wheel("a", "1.0"), 8), replace(wheel("a", "2.0"), upload_time=None)]

    (resolution,) = ask("a", rules=WEEK)

    assert pins(resolution, LINUX) == ["a==1.0"]


def test_what_a_line_pins_exactly_is_exempt_from_the_cooldown(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [aged(wheel("a", "1.0"), 8), aged(wheel("a", "2.0", "b"), 6)]
    fake.index.offers["b"] = [aged(wheel("b", "1.0"), 30), aged(wheel("b", "1.5"), 1)]

    (resolution,) = ask("a==2.0", rules=WEEK)

    assert pins(resolution, LINUX) == ["a==2.0", "b==1.0"]


def test_who_finds_nothing_for_its_age_is_told_so(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [aged(wheel("a", "1.0"), 8), aged(wheel("a", "2.0"), 6)]

    with pytest.raises(Unresolvable) as caught:
        ask("a>1", rules=WEEK)

    assert caught.value.hint == "left out: a 2.0 (cooldown); an exact pin takes what is too young"


def test_a_pre_release_is_no_way_around_the_cooldown(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [aged(wheel("a", "2.0rc1"), 30), aged(wheel("a", "2.0"), 1)]

    with pytest.raises(Unresolvable):
        ask("a", rules=WEEK)


def test_a_release_without_a_file_for_a_target_is_not_chosen_for_all(fake: FakeUpstream, ask: Asking) -> None:
    windows_only = wheel("a", "2.0")
    fake.index.offers["a"] = [
        wheel("a", "1.0"),
        replace(windows_only, filename="a-2.0-py3-none-win_amd64.whl"),
    ]

    (resolution,) = ask("a")

    assert pins(resolution, LINUX) == pins(resolution, WINDOWS) == ["a==1.0"]


def test_what_was_chosen_before_stays_but_for_what_is_to_move(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [wheel("a", "1.0"), wheel("a", "2.0")]
    chosen = {normalize("a"): Version("1.0"), normalize("b"): Version("1.0")}

    (stays,) = ask("a>=1.0", "b>=1.0", preferences=chosen)
    (moves,) = ask("a>=1.0", "b>=1.0", preferences=chosen, upgraded=frozenset({normalize("a")}))

    assert pins(stays, LINUX) == ["a==1.0", "b==1.0"]
    assert pins(moves, LINUX) == ["a==2.0", "b==1.0"]


def test_what_serves_fewer_targets_than_before_is_not_shown(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["a"] = [
        wheel("a", "1.0"),
        wheel("a", "2.0", requires_python=">=3.12"),
        replace(wheel("a", "1.5"), filename="a-1.5-py3-none-win_amd64.whl"),
    ]

    (resolution,) = ask("a>=1.0", served={normalize("a"): (LINUX, WINDOWS)}, one_version=True)

    assert pins(resolution, LINUX) == ["a==1.0"]


def test_our_own_stand_there_with_what_is_held_of_them(
    fake: FakeUpstream, ask: Asking, repository: Repository
) -> None:
    publish_wheel(repository, "acme-core", "0.1", requires=["b"])
    fake.index.offers["acme-core"] = [wheel("acme-core", "9.0")]
    fake.index.offers["a"] = [wheel("a", "1.0", "acme-core")]

    (resolution,) = ask("a")

    assert pins(resolution, LINUX) == ["a==1.0", "acme-core==0.1", "b==1.5"]
    assert "/simple/acme-core/" not in fake.paths()


def test_what_no_upstream_has_or_whose_page_fails_stands_there_too(
    fake: FakeUpstream, repository: Repository, tmp_path: Path
) -> None:
    for name in ("gone", "failing"):
        (tmp_path / "packages" / f"{name}-1.0-py3-none-any.whl").write_bytes(wheel(name, "1.0").body)
    scan_if_alone(repository)
    fake.fail("/simple/failing/", respond(403))
    question = ResolverRequest(wanted("gone", "failing", "b"), (LINUX,))

    with sources(repository, Upstream("fake", fake.url, retries=0)) as where:
        resolved = resolve(question, where, environment(tmp_path))

    assert pins(resolved.answers[0], LINUX) == ["b==1.5", "failing==1.0", "gone==1.0"]
    assert list(resolved.failed) == ["failing"]


def sdist(name: str, version: str, *requires: str, **more: Any) -> Offer:
    return Offer(f"{name}-{version}.tar.gz", sdist_bytes(Release(name, version, requires, **more)))


def test_an_sdist_with_static_metadata_takes_part(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["s"] = [sdist("s", "1.0", "b<1.5", metadata_version="2.2")]

    (resolution,) = ask("s")

    assert pins(resolution, LINUX) == ["b==1.0", "s==1.0"]
    (locked,) = (release for release in resolution.lock.releases if release.name == "s")
    assert not locked.wheels
    assert locked.sdist is not None
    assert locked.sdist.url.endswith("/files/s-1.0.tar.gz")


def test_an_sdist_that_is_pinned_takes_part_whatever_it_says(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["s"] = [sdist("s", "1.0", metadata_version="1.1")]
    fake.index.offers["a"] = [wheel("a", "1.0", "s")]

    with pytest.raises(KnownOnlyWhenBuilt, match=r"s 1\.0"):
        ask("a")
    (resolution,) = ask("a", "s==1.0")

    assert pins(resolution, LINUX) == ["a==1.0", "s==1.0"]


def test_an_older_release_with_a_wheel_is_taken_before_an_sdist_is_built(
    fake: FakeUpstream, ask: Asking
) -> None:
    fake.index.offers["s"] = [wheel("s", "1.0"), sdist("s", "2.0", metadata_version="1.1")]

    (resolution,) = ask("s")

    assert pins(resolution, LINUX) == ["s==1.0"]


def test_of_one_project_ten_sdists_are_read_and_no_more(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["s"] = [sdist("s", f"1.{number}", metadata_version="1.1") for number in range(30)]

    with pytest.raises(KnownOnlyWhenBuilt, match=r"s 1\.29"):
        ask("s")

    assert len(set(fake.paths("/files/"))) == 10


def test_who_has_no_answer_is_named_where_each_target_is_asked_for_itself(
    fake: FakeUpstream, ask: Asking
) -> None:
    fake.index.offers["a"] = [wheel("a", "1.0", 'gone; sys_platform == "win32"')]

    with pytest.raises(Unresolvable, match=r"^no set of versions satisfies the requirements:\nfor windows: "):
        ask("a")


def test_only_what_uv_asks_for_is_read_and_each_page_once(fake: FakeUpstream, ask: Asking) -> None:
    fake.index.offers["m"] = [wheel("m", "1.0", "b", 'gone; sys_platform == "darwin"')]

    assert len(ask("m")) == 2

    assert sorted(fake.paths("/simple/")) == ["/simple/b/", "/simple/gone/", "/simple/m/"]
