from __future__ import annotations

from pypitool.core.model import Origin, OriginKind
from tests.cli.mirror.conftest import Site, lines, wheel
from tests.support.offers import held_in, put_in


def mirrored(site: Site, name: str, version: str) -> None:
    put_in(site.packages, wheel(name, version), Origin(OriginKind.MIRRORED, "fake"))
    site.offer(wheel(name, version))


def test_without_upstream_nobody_is_asked(site: Site) -> None:
    mirrored(site, "a", "1.0")

    ended = site.run("verify")

    assert (ended.code, ended.out, site.fake.seen) == (0, "", [])
    assert ended.err.startswith("verify: 1 files, 0 differ, 0 failed, ")


def test_what_differs_here_and_there_is_told_with_one_summary(site: Site) -> None:
    mirrored(site, "a", "1.0")
    mirrored(site, "b", "1.0")
    site.run("rescan")
    (site.packages / "a-1.0-py3-none-any.whl").unlink()
    site.fake.index.offers["b"] = [wheel("b", "1.0", extra=b"other")]

    ended = site.run("verify", "--upstream", "--json")

    here, there, summary = lines(ended)
    assert ended.code == 1
    assert (here["name"], here["kind"], here["outcome"]) == ("a-1.0-py3-none-any.whl", "invalid", "failed")
    assert (there["name"], there["kind"], there["outcome"]) == (
        "b-1.0-py3-none-any.whl",
        "conflict",
        "failed",
    )
    assert (summary["files"], summary["failed"], summary["exit_code"]) == (2, 2, 1)
    assert (summary["outcome"], summary["requests"]) == ("failed", 2)


def test_a_yank_alone_is_a_warning_and_exit_0(site: Site) -> None:
    mirrored(site, "a", "1.0")
    site.fake.index.offers["a"] = [wheel("a", "1.0", yanked="broken")]

    ended = site.run("verify", "--upstream")

    assert (ended.code, ended.out) == (0, "")
    assert "warning: a-1.0-py3-none-any.whl was yanked by fake: broken" in ended.err
    assert held_in(site.packages)["a-1.0-py3-none-any.whl"].yanked == "broken"


def test_an_index_can_be_named(site: Site) -> None:
    mirrored(site, "a", "1.0")
    site.fake.index.offers.clear()

    ended = site.bare("verify", "--upstream", "-i", site.fake.url, "--packages", str(site.packages))

    assert ended.code == 1
    assert ended.out.startswith("a: it has vanished: ")


def test_a_job_that_verifies_has_run(site: Site) -> None:
    mirrored(site, "a", "1.0")
    site.more = '[job.look]\nrun = "verify --upstream"\ncron = "0 3 * * *"'

    assert site.run("schedule", "run", "look").code == 0

    (job,) = site.run("schedule", "--json").document
    assert job["outcome"] == "ok"
