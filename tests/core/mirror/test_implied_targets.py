from __future__ import annotations

import pytest
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from pypitool.core.mirror.implied_targets import implied_targets
from pypitool.core.mirror.selection import Candidate
from pypitool.core.mirror.targets import make_target
from pypitool.core.model import FileKind

HOST = make_target("host", python="3.12", platform="manylinux_2_35_x86_64")


def wheel(tag: str) -> Candidate:
    name = f"a-1.0-{tag}.whl"
    return Candidate(name, canonicalize_name("a"), Version("1.0"), FileKind.WHEEL, parse_tag(tag))


def implied(*tags: str) -> dict[str, str]:
    found = implied_targets([wheel(tag) for tag in tags], HOST)
    return {named.name: likely.platform.word for named, likely in found.items()}


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("cp311-cp311-win_amd64", {"py3.11-win_amd64": "win_amd64"}),
        ("cp313-cp313t-win_arm64", {"py3.13t-win_arm64": "win_arm64"}),
        ("pp310-pypy310_pp73-win_amd64", {"pypy3.10-win_amd64": "win_amd64"}),
        ("cp38-abi3-win_amd64", {"py3.12-win_amd64": "win_amd64"}),
        ("py3-none-win_amd64", {"py3.12-win_amd64": "win_amd64"}),
        ("cp312-cp312-macosx_11_0_arm64", {"py3.12-macosx_11_0_arm64": "macosx_15_0_arm64"}),
        (
            "cp312-cp312-macosx_11_0_universal2",
            {
                "py3.12-macosx_11_0_arm64": "macosx_15_0_arm64",
                "py3.12-macosx_11_0_x86_64": "macosx_15_0_x86_64",
            },
        ),
        (
            "cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64",
            {"py3.12-manylinux_2_17_aarch64": "manylinux_2_39_aarch64"},
        ),
        ("cp312-cp312-musllinux_1_1_x86_64", {"py3.12-musllinux_1_1_x86_64": "musllinux_1_2_x86_64"}),
    ],
)
def test_a_wheel_names_the_machine_that_it_is_for(tag: str, expected: dict[str, str]) -> None:
    assert implied(tag) == expected


@pytest.mark.parametrize(
    "tag",
    [
        "py3-none-any",
        "cp312-cp312-manylinux_2_17_x86_64",
        "cp27-cp27mu-win_amd64",
        "cp312-cp312-aix_7_2_ppc64",
    ],
    ids=["pure", "the-host's", "python-2", "unknown-machine"],
)
def test_other_wheels_name_nobody(tag: str) -> None:
    assert implied(tag) == {}


def test_a_wheel_for_another_python_of_this_machine_is_for_somebody() -> None:
    assert implied("cp310-cp310-manylinux_2_17_x86_64") == {
        "py3.10-manylinux_2_17_x86_64": "manylinux_2_39_x86_64"
    }
