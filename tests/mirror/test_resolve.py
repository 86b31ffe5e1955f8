from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pypitool.core.mirror.requirement_lines import LinePosition, RequirementLine
from pypitool.core.mirror.targets import Target, make_target
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.inputs import Inputs, read_inputs
from pypitool.mirror.resolve import (
    Resolution,
    ResolverFailed,
    ResolverRequest,
    Unresolvable,
    resolve,
    uv_platform,
)
from pypitool.upstream.upstream import Upstream
from tests.support.upstream import FakeUpstream, Offer
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


def wanted(*texts: str) -> tuple[RequirementLine, ...]:
    return tuple(RequirementLine(Requirement(text), frozenset(), LinePosition("r.in", 1)) for text in texts)


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.index.offers = {
            "a": [wheel("a", "1.0"), wheel("a", "2.0", "b>=1", 'w; sys_platform == "win32"')],
            "b": [wheel("b", "1.0"), wheel("b", "1.5"), wheel("b", "2.0rc1")],
            "w": [wheel("w", "1.0")],
        }
        yield upstream


def ask(
    fake: FakeUpstream,
    tmp_path: Path,
    *texts: str,
    targets: tuple[Target, ...] = (LINUX, WINDOWS),
    **more: object,
) -> tuple[Resolution, ...]:
    question = ResolverRequest(wanted(*texts), (), (Upstream("fake", fake.url),), **more)  # type: ignore[arg-type]
    return resolve(question, targets, environment(tmp_path))


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(tmp_path), "UV_INDEX_URL": "http://127.0.0.1:9/", "PIP_INDEX_URL": "x"}


def read(tmp_path: Path, resolution: Resolution) -> Inputs:
    path = tmp_path / "pylock.toml"
    path.write_text(resolution.pylock)
    return read_inputs(locks=[path], environ={})


def pins(inputs: Inputs, target: Target) -> list[str]:
    return [
        f"{line.requirement.name}{line.requirement.specifier}"
        for line in inputs.wanted
        if target.applies(line.requirement.marker)
    ]


def test_one_lock_holds_for_every_target(fake: FakeUpstream, tmp_path: Path) -> None:
    (resolution,) = ask(fake, tmp_path, "a")

    inputs = read(tmp_path, resolution)

    assert pins(inputs, LINUX) == ["a==2.0", "b==1.5"]
    assert pins(inputs, WINDOWS) == ["a==2.0", "b==1.5", "w==1.0"]
    assert all(line.hashes for line in inputs.wanted)


def test_prereleases_are_taken_when_allowed(fake: FakeUpstream, tmp_path: Path) -> None:
    (resolution,) = ask(fake, tmp_path, "b", prereleases=True)

    assert pins(read(tmp_path, resolution), LINUX) == ["b==2.0rc1"]


def test_constraints_limit_the_answer(fake: FakeUpstream, tmp_path: Path) -> None:
    question = ResolverRequest(wanted("a"), wanted("a<2"), (Upstream("fake", fake.url),))

    (resolution,) = resolve(question, (LINUX,), environment(tmp_path))

    assert pins(read(tmp_path, resolution), LINUX) == ["a==1.0"]


def test_what_cannot_be_satisfied_is_said_by_name(fake: FakeUpstream, tmp_path: Path) -> None:
    with pytest.raises(Unresolvable, match="a"):
        ask(fake, tmp_path, "a>=3")


def test_a_platform_that_nobody_has_does_not_make_a_set_unsolvable(
    fake: FakeUpstream, tmp_path: Path
) -> None:
    fake.index.offers["m"] = [wheel("m", "1.0", 'gone; sys_platform == "darwin"')]

    resolutions = ask(fake, tmp_path, "m")

    assert [resolution.target for resolution in resolutions] == ["linux", "windows"]
    assert pins(read(tmp_path, resolutions[0]), LINUX) == ["m==1.0"]


def test_an_sdist_is_never_built(fake: FakeUpstream, tmp_path: Path) -> None:
    evil = Release("evil", "1.0", metadata_version="2.1")
    marker = tmp_path / "was-run"
    setup = f"open({str(marker)!r}, 'w')\n".encode()
    fake.index.offers["evil"] = [Offer("evil-1.0.tar.gz", sdist_bytes(evil, extra_files={"setup.py": setup}))]

    with pytest.raises((Unresolvable, ResolverFailed)):
        ask(fake, tmp_path, "evil")

    assert not marker.exists()


def test_credentials_are_sent_and_never_shown(fake: FakeUpstream, tmp_path: Path) -> None:
    fake.index.credentials = ("mirror", "s3cret")
    upstream = Upstream("fake", fake.url, credentials=Credentials("mirror", "s3cret"))

    (resolution,) = resolve(ResolverRequest(wanted("b"), (), (upstream,)), (LINUX,), environment(tmp_path))
    assert pins(read(tmp_path, resolution), LINUX) == ["b==1.5"]

    with pytest.raises(Unresolvable) as caught:
        resolve(ResolverRequest(wanted("absent"), (), (upstream,)), (LINUX,), environment(tmp_path))
    assert "s3cret" not in str(caught.value)


def test_the_first_index_that_has_a_name_is_taken(fake: FakeUpstream, tmp_path: Path) -> None:
    with FakeUpstream() as house:
        house.index.offers["b"] = [wheel("b", "0.5")]
        upstreams = (Upstream("public", fake.url), Upstream("house", house.url, projects=("b",)))

        (resolution,) = resolve(ResolverRequest(wanted("b"), (), upstreams), (LINUX,), environment(tmp_path))

    assert pins(read(tmp_path, resolution), LINUX) == ["b==0.5"]


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
