from __future__ import annotations

import platform
import sys
import sysconfig

import pytest
from packaging.markers import default_environment
from packaging.tags import sys_tags

from pypitool.core.mirror.target_words import UnknownPlatform
from pypitool.mirror.configured import host_platform, host_target

only_cpython = pytest.mark.skipif(sys.implementation.name != "cpython", reason="tags of CPython")


@only_cpython
def test_the_host_installs_what_pip_installs_on_it_in_the_same_order() -> None:
    tags = list(host_target().tag_order)

    # Where the locally built `linux_*` wheels rank differs between releases of packaging.
    assert set(tags) == set(sys_tags())
    assert [tag for tag in tags if not tag.platform.startswith("linux_")] == [
        tag for tag in sys_tags() if not tag.platform.startswith("linux_")
    ]


@only_cpython
def test_markers_are_judged_for_the_host_as_pip_judges_them_on_it() -> None:
    assert host_target().environment == default_environment()


def test_the_host_has_the_python_that_runs() -> None:
    python = host_target().python

    assert python.full == platform.python_version().rstrip("+").partition("rc")[0]
    assert python.free_threaded == bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        (["linux_x86_64", "manylinux_2_36_x86_64", "manylinux_2_35_x86_64"], "manylinux_2_36_x86_64"),
        (["manylinux_2_31_aarch64", "linux_aarch64"], "manylinux_2_31_aarch64"),
        (["linux_x86_64", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64"], "musllinux_1_2_x86_64"),
        (["macosx_14_0_arm64", "macosx_14_0_universal2", "macosx_13_0_arm64"], "macosx_14_0_arm64"),
        (["win_amd64"], "win_amd64"),
    ],
    ids=["glibc", "glibc, the bare tag last", "musl", "macOS", "Windows"],
)
def test_a_machine_is_known_by_its_platform_tags(tags: list[str], word: str) -> None:
    assert host_platform(tags).word == word


def test_a_machine_that_no_word_describes_is_refused() -> None:
    with pytest.raises(UnknownPlatform, match="linux_sparc64"):
        host_platform(["linux_sparc64"])
