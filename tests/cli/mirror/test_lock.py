"""`pypitool lock`: for all targets, old enough, and with addresses that can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from pypitool.config.config_files import parse_toml
from tests.cli.conftest import Ended
from tests.cli.mirror.conftest import Site, wheel
from tests.support.offers import aged
from tests.support.upstream import Action, Offer, reset, respond
from tests.support.wheels import Release, sdist_bytes

pytestmark = pytest.mark.process


def sdist(name: str, version: str, *requires: str, metadata_version: str = "2.2") -> Offer:
    release = Release(name, version, requires, metadata_version=metadata_version)
    return Offer(f"{name}-{version}.tar.gz", sdist_bytes(release))


def lock(site: Site, lines: str, *words: str) -> Ended:
    site.write("requirements.in", lines)
    return site.run(
        "lock", "-r", str(site.path / "requirements.in"), "-o", str(site.path / "pylock.toml"), *words
    )


def locked(site: Site, name: str = "pylock.toml") -> dict[str, Any]:
    """The packages of a lock, by `NAME==VERSION`."""
    packages = parse_toml((site.path / name).read_text())["packages"]
    return {f"{package['name']}=={package['version']}": package for package in packages}


def test_the_lock_is_for_the_configured_targets(site: Site) -> None:
    site.offer(
        wheel("a", "1.0", 'w; sys_platform == "win32"'), wheel("w", "1.0", tags="cp312-cp312-win_amd64")
    )

    ended = lock(site, "a\n")

    assert ended.code == 0
    assert list(locked(site)) == ["a==1.0", "w==1.0"]
    assert "win32" in locked(site)["w==1.0"]["marker"]
    text = (site.path / "pylock.toml").read_text()
    assert 'requires-python = ">=3.12"' in text


def test_the_lock_is_for_the_target_that_is_named(site: Site) -> None:
    site.offer(wheel("a", "1.0", 'gone; sys_platform == "win32"'))

    ended = lock(site, "a\n", "--target", "linux")

    assert ended.code == 0
    assert list(locked(site, "pylock.linux.toml")) == ["a==1.0"]


@pytest.mark.parametrize("how", ["configured", "variable", "flag"])
def test_the_lock_obeys_the_cooldown(site: Site, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    site.offer(aged(wheel("requests", "2.32.5"), 90), aged(wheel("requests", "2.33.0"), 2))
    if how == "configured":
        site.more = '[policy]\ncooldown = "7d"'
    elif how == "variable":
        monkeypatch.setenv("PYPITOOL_COOLDOWN", "7d")

    ended = lock(site, "requests\n", *(["--cooldown", "7d"] if how == "flag" else []))

    assert ended.code == 0
    assert list(locked(site)) == ["requests==2.32.5"]


def test_what_a_line_pins_is_exempt_from_the_cooldown(site: Site) -> None:
    site.offer(aged(wheel("requests", "2.32.5"), 90), aged(wheel("requests", "2.33.0"), 2))
    site.more = '[policy]\ncooldown = "7d"'

    assert lock(site, "requests==2.33.0\n").code == 0
    assert list(locked(site)) == ["requests==2.33.0"]


def test_what_the_cooldown_leaves_nothing_of_is_said(site: Site) -> None:
    site.offer(aged(wheel("requests", "2.33.0"), 2))

    ended = lock(site, "requests\n", "--cooldown", "7d")

    assert ended.code == 1
    assert "hint: left out: requests 2.33.0 (cooldown); an exact pin takes what is too young" in ended.err


@pytest.mark.parametrize(
    "url", ["http://mirror", "http://mirror/", "http://mirror/simple/", "http://mirror/simple"]
)
def test_the_lock_has_the_addresses_of_the_server(site: Site, url: str) -> None:
    site.offer(wheel("a", "1.0+cpu", "s"), sdist("s", "1.0"))

    ended = lock(site, "a\n", "--url", url)

    assert ended.code == 0
    assert locked(site)["a==1.0+cpu"]["wheels"][0]["url"] == (
        "http://mirror/packages/a-1.0%2Bcpu-py3-none-any.whl"
    )
    assert locked(site)["s==1.0"]["sdist"]["url"] == "http://mirror/packages/s-1.0.tar.gz"
    assert site.fake.root not in (site.path / "pylock.toml").read_text()


def test_what_is_ours_is_in_a_lock_with_our_addresses(site: Site) -> None:
    site.more = '[policy]\nprivate = ["acme-*"]\n'
    site.packages.mkdir()
    (site.packages / "acme_core-1.0-py3-none-any.whl").write_bytes(wheel("acme-core", "1.0", "b").body)
    site.offer(wheel("b", "1.0"))

    ended = lock(site, "acme-core\n", "--url", "http://mirror/")

    assert ended.code == 0
    assert list(locked(site)) == ["acme-core==1.0", "b==1.0"]
    assert locked(site)["acme-core==1.0"]["wheels"][0]["url"].startswith("http://mirror/packages/acme_core-")


def test_an_address_that_is_none_is_wrong_usage(site: Site) -> None:
    assert lock(site, "a\n", "--url", "mirror:8080").code == 2


def test_a_set_takes_what_was_locked(site: Site) -> None:
    site.offer(wheel("a", "1.0", "s", "b"), sdist("s", "1.0", "b"), wheel("b", "1.0"))
    lock(site, "a\n")
    site.write("backend.txt", "")

    ended = site.run("download", "-r", str(site.path / "pylock.toml"), "--target", "linux")

    assert ended.code == 0, ended
    assert site.files() == ["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl", "s-1.0.tar.gz"]


def test_a_page_that_fails_is_an_error_and_what_is_here_is_taken(site: Site) -> None:
    site.packages.mkdir()
    (site.packages / "b-1.0-py3-none-any.whl").write_bytes(wheel("b", "1.0").body)
    site.offer(wheel("a", "1.0", "b"), wheel("b", "1.0"), wheel("b", "2.0"))
    site.fake.fail("/simple/b/", respond(403))

    ended = lock(site, "a\n", "--url", "http://mirror/")

    assert ended.code == 3
    assert "/simple/b/: it answers 403" in ended.err
    assert list(locked(site)) == ["a==1.0", "b==1.0"]


def test_an_index_that_does_not_answer_is_named_once(site: Site) -> None:
    site.offer(wheel("a", "1.0"))
    site.fake.fail("/simple/a/", respond(503))

    ended = lock(site, "a\n")

    assert ended.code == 7
    assert ended.err == f"error: uv could not resolve: {site.fake.root}/simple/a/: it answers 503, 1 times\n"


@pytest.mark.parametrize("failure", [respond(503), reset()], ids=["unavailable", "broken"])
def test_a_lock_of_what_is_here_alone_says_that_its_index_failed(site: Site, failure: Action) -> None:
    site.packages.mkdir()
    (site.packages / "a-1.0-py3-none-any.whl").write_bytes(wheel("a", "1.0").body)
    site.offer(wheel("a", "1.0"))
    site.fake.fail("/simple/a/", failure)

    ended = lock(site, "a\n")

    assert ended.code == 7
    assert ended.err.startswith(f"error: {site.fake.root}/simple/a/: ")
    assert "ours" not in ended.err
    assert not (site.path / "pylock.toml").exists()


def test_a_lock_of_private_names_alone_says_that_they_are_ours(site: Site) -> None:
    site.more = '[policy]\nprivate = ["acme-*"]\n'
    site.packages.mkdir()
    for name in ("acme_a", "acme_b"):
        (site.packages / f"{name}-1.0-py3-none-any.whl").write_bytes(wheel(name, "1.0").body)

    ended = lock(site, "acme-a\nacme-b\n")

    assert ended.code == 1
    assert "there is nothing to lock: acme-a, acme-b are ours, and no index is asked for them" in ended.err


def test_a_lock_is_without_what_is_here_while_its_page_fails(site: Site) -> None:
    site.packages.mkdir()
    (site.packages / "b-1.0-py3-none-any.whl").write_bytes(wheel("b", "1.0").body)
    site.offer(wheel("a", "1.0", "b"))
    site.fake.fail("/simple/b/", respond(403))

    ended = lock(site, "a\n")

    assert ended.code == 3
    assert "warning: the page of b could not be read, and the lock is without it" in ended.err
    assert list(locked(site)) == ["a==1.0"]
