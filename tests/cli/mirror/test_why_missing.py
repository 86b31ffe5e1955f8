"""Why a dependency is missing, where files of it were there: in the line, and in its document."""

from __future__ import annotations

from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.offers import upload
from tests.support.wheels import Release, wheel_bytes, wheel_filename


def why(site: Site, *words: str) -> tuple[str, dict[str, object]]:
    """The line of the first dependency that is missing, what is in its parentheses, and its document."""
    line = site.run(*words).out.splitlines()[0]
    found = next(one for one in lines(site.run(*words, "--json")) if one["type"] == "hole")
    return line.rpartition("; ")[2].removesuffix(")"), found


def test_files_that_ask_for_another_python_are_why(site: Site) -> None:
    site.offer(wheel("futures", "3.4.0", requires_python=">=2.6,<3"))

    told, hole = why(
        site, "download", "--exact", "futures==3.4.0", "--target", "linux", "-d", str(site.packages)
    )

    assert told == hole["reason"] == "fake has it for Python >=2.6,<3"
    assert hole["requires_python"] == ">=2.6,<3"


def test_files_here_that_ask_for_another_python_are_why(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    release = Release("a", "1.0", requires_python=">=3.13")
    site.packages.mkdir()
    (site.packages / wheel_filename(release)).write_bytes(wheel_bytes(release))

    told, hole = why(site, "check")

    assert told == "it needs Python >=3.13, the target has 3.12"
    assert (hole["reason"], hole["requires_python"]) == ("no file fits the target", ">=3.13")


def test_hashes_that_no_file_has_are_why(site: Site) -> None:
    site.write("backend.txt", f"a==1.0 --hash=sha256:{'0' * 64}\n")
    site.offer(wheel("a", "1.0"))

    told, hole = why(site, "sync")

    assert told == hole["reason"] == "no file has a hash that the requirement lists"


def test_a_pin_that_excludes_what_is_here_is_why(site: Site) -> None:
    site.write("backend.txt", "a==1.0\nb==1.0\n")
    site.offer(wheel("a", "1.0", "b>=2"), wheel("b", "1.0"))

    told, hole = why(site, "sync")

    assert told == hole["reason"] == "the set pins b==1.0"


def test_versions_that_a_requirement_excludes_are_why(site: Site) -> None:
    site.write("backend.txt", "a==1.0\n")
    site.offer(wheel("a", "1.0", "b>=2"))
    upload(site.packages, wheel("b", "1.0"))

    told, hole = why(site, "check") if site.run("sync").code == 1 else ("", {})

    assert told == hole["reason"] == "no version on disk satisfies it"


def test_download_explains_what_it_takes_and_what_it_refuses(site: Site) -> None:
    site.offer(wheel("futures", "3.4.0", requires_python=">=2.6,<3"))
    words = ("download", "--exact", "futures==3.4.0", "--target", "linux", "--explain", "futures")

    ended, told = site.run(*words), lines(site.run(*words, "--json"))

    assert (ended.code, site.files(), site.fake.paths("/files/")) == (0, [], [])
    assert ended.rows == [["download", "linux", "no", "futures-3.4.0-py3-none-any.whl", "requires-python"]]
    assert [(one["taken"], one["rule"]) for one in told] == [(False, "requires-python")]
    assert site.run(*words[:-1], "other").code == 5
