from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.offers import aged
from tests.support.upstream import Dialect, Offer, respond
from tests.support.wheels import Release, sdist_bytes

LINUX = ("--platform", "manylinux_2_39_x86_64", "--python-version", "3.12")


def download(site: Site, *words: str) -> tuple[str, ...]:
    return ("download", *words, "-d", str(site.packages), "-i", site.fake.url, *LINUX)


def exactly(site: Site, *words: str) -> tuple[str, ...]:
    return (*download(site, *words), "--exact")


def test_what_pip_download_does_needs_no_configuration(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"), wheel("b", "2.0"))
    requirements = site.write("requirements.txt", "a==1.0\nb==2.0\n")

    ended = site.bare(*download(site, "-r", str(requirements)))

    assert ended.code == 0
    assert site.files() == ["a-1.0-py3-none-any.whl", "b-2.0-py3-none-any.whl"]
    proven, summary = ended.out.splitlines()
    assert proven == "this installs without the internet on py3.12-manylinux_2_39_x86_64"
    assert summary.startswith("download: 2 fetched, 0 kept, 0 failed, 0 missing")
    assert "fetched a-1.0-py3-none-any.whl" in ended.err


@pytest.mark.process
def test_what_is_not_pinned_comes_with_its_dependencies(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"), wheel("b", "2.0"), wheel("b", "2.1"))

    ended = site.bare(*download(site, "a"))

    assert ended.code == 0
    assert site.files() == ["a-1.0-py3-none-any.whl", "b-2.1-py3-none-any.whl"]


def test_no_deps_takes_the_newest_of_what_is_named_and_nothing_else(site: Site) -> None:
    site.offer(wheel("a", "1.0"), wheel("a", "1.1", "b"), wheel("a", "2.0rc1"))

    ended = site.bare(*download(site, "a", "--no-deps"))

    assert (ended.code, site.files()) == (0, ["a-1.1-py3-none-any.whl"])


def test_pre_takes_a_prerelease(site: Site) -> None:
    site.offer(wheel("a", "1.0"), wheel("a", "2.0rc1"))

    site.bare(*download(site, "a", "--no-deps", "--pre"))

    assert site.files() == ["a-2.0rc1-py3-none-any.whl"]


def test_a_missing_dependency_is_a_hole_and_the_way_out_is_said(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b>=2"))

    ended = site.bare(*exactly(site, "a==1.0"))

    assert ended.code == 1
    assert "missing: download py3.12-manylinux_2_39_x86_64: b>=2 (needed by a 1.0)" in ended.out
    assert "--resolve" in ended.err


@pytest.mark.process
def test_resolve_fills_the_holes_of_pins(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b>=2"), wheel("b", "2.0"))

    assert site.bare(*download(site, "a==1.0", "--resolve")).code == 0
    assert len(site.files()) == 2


def test_each_platform_with_each_python_is_a_target(site: Site) -> None:
    site.offer(
        *(wheel("a", "1.0", tags=f"cp{python}-cp{python}-{platform}") for python in (311, 312)
          for platform in ("win_amd64", "manylinux_2_17_x86_64"))
    )  # fmt: skip

    ended = site.bare(*exactly(site, "a==1.0"), "--platform", "win_amd64", "--python-version", "3.11")

    assert (ended.code, len(site.files())) == (0, 4)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "name a requirement"),
        (("a", "--platform", "linux_x86_64"), 2, "is not a platform"),
        (("a", "--python-version", "three"), 2, "is not a Python"),
        (("a", "--target", "nobody"), 2, "there is no target `nobody`"),
        (("./a.whl",), 1, "command line:1"),
        (("-r", "/nowhere/requirements.txt"), 1, "cannot be read"),
        (("a==1.0", "--require-hashes"), 1, "has no --hash"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(
    site: Site, words: tuple[str, ...], code: int, says: str
) -> None:
    ended = site.bare("download", *words, "-d", str(site.packages), "-i", site.fake.url)

    assert ended.code == code
    assert says in ended.err
    assert site.fake.seen == []
    assert not site.packages.exists()


def test_json_is_a_line_for_each_event_and_the_summary_last(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"))
    site.fake.fail("/simple/gone/", respond(404))

    ended = site.bare(*exactly(site, "a==1.0", "gone==1.0"), "--json")

    assert ended.code == 3
    assert [line["type"] for line in lines(ended)] == ["project", "file", "hole", "hole", "summary"]
    assert lines(ended)[-1]["outcome"] == "partial"
    assert lines(ended)[1]["outcome"] == "fetched"


def test_a_dry_run_prints_the_plan_and_writes_nothing(site: Site) -> None:
    site.offer(wheel("a", "1.0"))

    ended = site.bare(*exactly(site, "a==1.0"), "--dry-run")

    assert ended.code == 0
    assert "get a-1.0-py3-none-any.whl" in ended.out
    assert not site.packages.exists()


def test_quiet_prints_errors_and_holes_only(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"))

    ended = site.bare(*exactly(site, "a==1.0"), "-q")

    assert ended.out.startswith("missing: ")
    assert len(ended.out.splitlines()) == 1
    assert ended.err == ""


def test_an_extra_index_is_asked_for_what_the_first_does_not_have(site: Site) -> None:
    from tests.support.upstream import FakeUpstream

    site.offer(wheel("a", "1.0"))
    with FakeUpstream() as second:
        second.index.offers = {"a": [wheel("a", "9.0")], "b": [wheel("b", "1.0")]}

        ended = site.bare(*exactly(site, "a==1.0", "b==1.0"), "--extra-index-url", second.url)

        assert second.paths("/simple/") == ["/simple/b/"]
    assert ended.code == 0


def test_a_file_without_a_hash_needs_a_word(site: Site) -> None:
    site.fake.index.dialect = Dialect(hashes=False)
    site.offer(wheel("a", "1.0"))

    assert site.bare(*exactly(site, "a==1.0")).code == 3
    assert site.bare(*exactly(site, "a==1.0"), "--allow-unhashed").code == 0


def test_credentials_in_the_address_are_used_and_not_shown(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.fake.index.credentials = ("mirror", "s3cret")
    address = site.fake.url.replace("http://", "http://mirror:s3cret@")

    ended = site.bare("download", "--exact", "a==1.0", "-d", str(site.packages), "-i", address, *LINUX)
    runs = site.bare("runs", "1", "--json", "--packages", str(site.packages))

    assert ended.code == 0
    assert "s3cret" not in ended.out + ended.err + runs.out


def test_the_upstream_that_is_away_is_exit_code_7(site: Site, tmp_path: Path) -> None:
    from tests.support.upstream import FakeUpstream

    with FakeUpstream() as gone:
        url = gone.url
    (tmp_path / "config.toml").write_text(f'[upstream.gone]\nindex = "{url}"\nretries = 0\n')

    ended = site.bare(
        "download", "--exact", "a==1.0", "-d", str(site.packages), "--config", str(tmp_path / "config.toml")
    )

    assert ended.code == 7


def test_files_go_where_packages_says_and_where_dest_says_before_it(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    words = ("download", "--exact", "a==1.0", "-i", site.fake.url, "--packages", str(site.packages), *LINUX)

    site.bare(*words, "-d", str(site.path / "other"))
    assert not site.packages.exists()

    site.bare(*words)
    assert site.files() == ["a-1.0-py3-none-any.whl"]


@pytest.mark.process
def test_a_pinned_word_comes_with_its_dependencies_as_with_pip(site: Site) -> None:
    site.offer(
        wheel("flask", "3.0.3", "werkzeug"), wheel("flask", "3.1", "werkzeug"), wheel("werkzeug", "3.0")
    )

    ended = site.bare(*download(site, "flask==3.0.3"))

    assert ended.code == 0
    assert site.files() == ["flask-3.0.3-py3-none-any.whl", "werkzeug-3.0-py3-none-any.whl"]


def test_exact_and_no_deps_take_nothing_else(site: Site) -> None:
    site.offer(wheel("flask", "3.0.3", "werkzeug"), wheel("werkzeug", "3.0"))

    exact = site.bare(*exactly(site, "flask==3.0.3"))
    alone = site.bare(*download(site, "flask==3.0.3", "--no-deps"))

    assert (exact.code, alone.code) == (1, 0)
    assert site.files() == ["flask-3.0.3-py3-none-any.whl"]


@pytest.mark.process
def test_words_beside_a_file_are_resolved_within_its_pins(site: Site) -> None:
    site.offer(
        wheel("a", "1.0", "b"), wheel("b", "1.0"), wheel("b", "2.0"), wheel("c", "1.0"), wheel("c", "2.0"),
        wheel("d", "1.0", "gone"),
    )  # fmt: skip
    requirements = site.write("requirements.txt", "b==1.0\nd==1.0\nc[x]==1.0 ; sys_platform == 'linux'\n")

    ended = site.bare(*download(site, "a", "-r", str(requirements)))

    assert ended.code == 1
    assert "missing: download py3.12-manylinux_2_39_x86_64: gone (needed by d 1.0)" in ended.out
    assert site.files() == [f"{name}-1.0-py3-none-any.whl" for name in "abcd"]


def test_a_file_of_pins_is_exact_and_nothing_is_resolved(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"))
    requirements = site.write("requirements.txt", "a==1.0\n")

    ended = site.bare(*download(site, "-r", str(requirements)))

    assert ended.code == 1
    assert site.files() == ["a-1.0-py3-none-any.whl"]


@pytest.mark.process
def test_hashes_limit_what_is_resolved(site: Site) -> None:
    first, second = wheel("a", "1.0"), wheel("a", "2.0")
    site.offer(first, second)
    requirements = site.write("requirements.in", f"a --hash=sha256:{first.digest}\n")

    ended = site.bare(*download(site, "-r", str(requirements)))

    assert ended.code == 0
    assert site.files() == ["a-1.0-py3-none-any.whl"]


@pytest.mark.process
def test_an_sdist_that_only_a_build_would_explain_is_named_with_the_pin(site: Site) -> None:
    sgmllib = Release("sgmllib3k", "1.0.0", metadata_version="1.1")
    site.offer(
        wheel("feedparser", "6.0.12", "sgmllib3k"), Offer("sgmllib3k-1.0.0.tar.gz", sdist_bytes(sgmllib))
    )

    refused = site.bare(*download(site, "feedparser"))
    pinned = site.bare(*download(site, "feedparser", "sgmllib3k==1.0.0"))

    assert refused.code == 1
    assert [line for line in refused.err.splitlines() if line] == [
        "error: no wheel: what sgmllib3k 1.0.0 depends on is known only when it is built, "
        "and nothing is built here",
        "hint: add `sgmllib3k==1.0.0`, and what it needs",
    ]
    assert pinned.code == 0
    assert site.files() == ["feedparser-6.0.12-py3-none-any.whl", "sgmllib3k-1.0.0.tar.gz"]


@pytest.mark.process
def test_what_is_left_out_is_said_where_nothing_is_left(site: Site) -> None:
    site.offer(wheel("a", "1.0", yanked="bad"), wheel("b", "1.0", tags="cp312-cp312-win_amd64"))

    yanked = site.bare(*download(site, "a"))
    elsewhere = site.bare(*download(site, "b"))

    assert (yanked.code, elsewhere.code) == (1, 1)
    assert "hint: left out: a 1.0 (yanked)" in yanked.err
    assert "hint: left out: b 1.0 (no file for a target)" in elsewhere.err


@pytest.mark.parametrize(("pin", "taken"), [("a", "1.0"), ("a==2.0", "2.0")])
def test_no_deps_takes_the_newest_that_is_old_enough(site: Site, pin: str, taken: str) -> None:
    site.offer(aged(wheel("a", "1.0"), 30), aged(wheel("a", "2.0"), 1))
    site.more = '[policy]\ncooldown = "7d"'

    ended = site.run("download", "--no-deps", pin, "--target", "linux")

    assert ended.code == 0
    assert site.files() == [f"a-{taken}-py3-none-any.whl"]


def test_no_deps_takes_no_pre_release_because_the_release_is_too_young(site: Site) -> None:
    site.offer(aged(wheel("a", "2.0rc1"), 30), aged(wheel("a", "2.0"), 1))
    site.more = '[policy]\ncooldown = "7d"'

    ended = site.run("download", "--no-deps", "a", "--target", "linux")

    assert (ended.code, site.files()) == (3, [])
    assert "error: a: its files are younger than the cooldown; an exact pin takes them" in ended.err


@pytest.mark.process
def test_a_page_that_was_read_to_resolve_is_not_asked_for_again(site: Site) -> None:
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"))

    ended = site.bare(*download(site, "a"))

    assert ended.code == 0
    assert site.fake.paths("/simple/") == ["/simple/a/", "/simple/b/"]
