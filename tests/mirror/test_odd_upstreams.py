"""One odd answer of one upstream ends one project or one file; the others arrive."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pypitool.core.errors import Kind
from pypitool.core.mirror.run_events import FileEvent, ProjectEvent
from pypitool.core.mirror.selection import Candidate
from pypitool.upstream import fetch_page
from pypitool.upstream.listing import Listing, ParsedPage
from pypitool.upstream.read_page import read_json_page
from tests.mirror.test_sync import A, Lan, wheel
from tests.support.upstream import JSON_TYPE, Action, Answer, FakeUpstream, Handler, redirect, respond

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with FakeUpstream() as fake:
        fake.index.offers = {name: [wheel(name, "1.0")] for name in NAMES}
        yield Lan(tmp_path / "packages", fake)


def with_date(text: str) -> Action:
    def act(handler: Handler, answer: Answer) -> None:
        handler.date_time_string = lambda timestamp=None: text  # type: ignore[method-assign]
        handler.send(answer)

    return act


def with_file(**changed: Any) -> Action:
    """Change what the page says of its one file."""

    def act(handler: Handler, answer: Answer) -> None:
        document = json.loads(answer.body)
        document["files"][0].update({key.replace("_", "-"): value for key, value in changed.items()})
        headers = {"Content-Type": JSON_TYPE}  # another page, so not with the ETag of the sound one
        handler.send(Answer(200, headers, json.dumps(document).encode()))

    return act


def page_of(body: bytes, kind: str = JSON_TYPE) -> Action:
    return respond(200, body=body, Content_Type=kind)


ODD_PAGES: dict[str, Action] = {
    "bad-redirect": redirect("http://[bad"),
    "bad-port": redirect("http://host:99999999/"),
    "nested-json": page_of(b"[" * 200_000),
    "half-a-character-in-a-yank": with_file(yanked="bad \ud800"),
    "half-a-character-in-a-hash": with_file(hashes={"sha256": "\ud800" * 64}),
    "half-a-character-in-bytes": page_of(b'{"meta": {"api-version": "1.0"}, "files": ["\xed\xa0\x80"]}'),
    "size-below-nothing": with_file(size=-1),
    "links-that-do-not-end": page_of(b'<a href="a-1.0.tar.gz">x' * 100_000, "text/html"),
    "nested-html": page_of(b"<div>" * 300_000, "text/html"),
    "tags-that-do-not-end": page_of(b"<a b='" * 40_000, "text/html"),
    "comments-that-do-not-end": page_of(b"<!-- >" * 40_000, "text/html"),
    "a-section-that-python-does-not-know": page_of(b"<a href='a-1.0.zip'>x</a><![bad x]>", "text/html"),
    "sections-that-do-not-end": page_of(b"<![CDATA[>" * 40_000, "text/html"),
    "too-many-tags": page_of(b"<br>" * 600_000, "text/html"),
    "odd-charset": page_of(b"", "text/html; charset=punycode"),
    "retry-after-that-is-no-number": respond(503, Retry_After="\xb2"),
}  # fmt: skip


@pytest.mark.parametrize("action", ODD_PAGES.values(), ids=ODD_PAGES.keys())
def test_an_odd_page_fails_its_project_by_name_and_the_others_arrive(lan: Lan, action: Action) -> None:
    lan.fake.fail("^/simple/a/", action)

    summary = lan.sync(*(f"{name}==1.0" for name in NAMES))

    assert (summary.exit_code, summary.tally.fetched, summary.tally.failed) == (3, 3, 1)
    assert lan.failures().keys() == {A}
    lan.fake.index.faults.clear()
    assert lan.sync(*(f"{name}==1.0" for name in NAMES)).exit_code == 0


ODD_FILES: dict[str, tuple[str, Action]] = {
    "address-that-is-none": ("^/simple/a/", with_file(url="http://[bad/a-1.0-py3-none-any.whl")),
    "address-of-another-kind": ("^/simple/a/", with_file(url="file:///etc/passwd")),
    "redirect-to-no-address": ("^/files/a-", redirect("http://[bad")),
    "range-that-is-none": ("^/files/a-", respond(206, Content_Range="bytes " + "9" * 5000 + "-1/2")),
}


@pytest.mark.parametrize(("path", "action"), ODD_FILES.values(), ids=ODD_FILES.keys())
def test_an_odd_file_fails_by_name_and_the_others_arrive(lan: Lan, path: str, action: Action) -> None:
    lan.fake.fail(path, action)

    summary = lan.sync(*(f"{name}==1.0" for name in NAMES))

    assert (summary.exit_code, summary.tally.fetched, summary.tally.failed) == (3, 3, 1)
    (failed,) = (event for event in lan.events if isinstance(event, FileEvent) and event.outcome == "failed")
    assert failed.name == "a-1.0-py3-none-any.whl"
    assert failed.message
    lan.fake.index.faults.clear()
    assert lan.sync(*(f"{name}==1.0" for name in NAMES)).exit_code == 0


@pytest.mark.parametrize(
    "action",
    [
        with_date("Thu, 01 Jan 2026 00:00:00 -0000"),
        with_date("Thu, 01 Jan 99999999 00:00:00 GMT"),
        with_file(upload_time="0001-01-01T00:00:00+14:00"),
        with_file(requires_python=">=3.9,<" + "9" * 5000),
        with_file(yanked="\ud83d\ude00"),
    ],
    ids=["date-without-a-zone", "date-of-no-year", "time-before-all-times", "long-requires-python", "emoji"],
)
def test_what_is_odd_beside_a_file_costs_nothing(lan: Lan, action: Action) -> None:
    lan.fake.fail("^/simple/a/", action)

    assert lan.sync(*(f"{name}==1.0" for name in NAMES)).exit_code == 0


def failing(error: Exception) -> Callable[[bytes], ParsedPage]:
    def read(body: bytes) -> ParsedPage:
        if b'"name": "a"' in body:
            raise error
        return read_json_page(body)

    return read


def test_what_nobody_foresaw_is_a_failure_of_its_project_too(
    lan: Lan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_page, "read_json_page", failing(AttributeError("no such thing")))

    summary = lan.sync(*(f"{name}==1.0" for name in NAMES))

    (told,) = (event for event in lan.events if isinstance(event, ProjectEvent))
    assert (summary.exit_code, summary.tally.fetched, told.kind) == (3, 3, Kind.INTERNAL)
    assert "AttributeError: no such thing" in told.message


def test_what_is_wrong_with_the_machine_ends_the_run(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    no_files = OSError(errno.EMFILE, "Too many open files")
    monkeypatch.setattr(fetch_page, "read_json_page", failing(no_files))

    with pytest.raises(OSError, match="Too many open files"):
        lan.sync(*(f"{name}==1.0" for name in NAMES))


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("^/simple/a/", redirect("http://169.254.169.254/latest/meta-data")),
        ("^/simple/a/", with_file(url="http://169.254.169.254/latest/meta-data")),
        ("^/files/a-", redirect("http://169.254.169.254/latest/meta-data")),
    ],
    ids=["page that redirects", "page that names a file", "file that redirects"],
)
def test_nobody_is_led_to_a_link_local_address(lan: Lan, path: str, action: Action) -> None:
    lan.fake.fail(path, action)

    summary = lan.sync(*(f"{name}==1.0" for name in NAMES))

    failed = (event for event in lan.events if isinstance(event, (FileEvent, ProjectEvent)))
    (told,) = (event.message for event in failed if event.kind is Kind.INVALID)
    assert "is a link-local address" in str(told)
    assert (summary.exit_code, summary.tally.fetched, summary.tally.failed) == (3, 3, 1)


def test_a_redirect_in_a_circle_ends(lan: Lan) -> None:
    lan.fake.fail("^/simple/a/", redirect("/simple/a/"))

    assert lan.sync(*(f"{name}==1.0" for name in NAMES)).exit_code == 3
    assert "in a circle" in next(event.message for event in lan.events if isinstance(event, ProjectEvent))


def test_a_page_that_fails_only_for_what_is_held_is_named_too(
    lan: Lan, monkeypatch: pytest.MonkeyPatch
) -> None:
    lan.sync("a==1.0")
    lan.fake.index.offers["a"].append(wheel("a", "2.0"))

    def named(listing: Listing, held: Mapping[str, object]) -> Iterator[Candidate]:
        raise AttributeError(listing.project)

    monkeypatch.setattr(Listing, "named", named)

    summary = lan.sync("a==1.0")

    assert (summary.exit_code, lan.failures()) == (3, {A: Kind.INTERNAL})
