"""What the answers of indexes to an upload mean."""

from __future__ import annotations

import pytest

from pypitool.core.errors import Kind
from pypitool.core.upload.answer import Answer, Meaning


@pytest.mark.parametrize(
    ("answer", "meaning", "kind"),
    [
        (Answer(400, "File already exists. See https://h/help"), Meaning.EXISTS, Kind.CONFLICT),
        (
            Answer(400, "Bad Request", "text/html", "<p>already exists</p>"),
            Meaning.EXISTS,
            Kind.CONFLICT,
        ),
        (Answer(403, "Forbidden", "text/plain", "The file already existed"), Meaning.EXISTS, Kind.CONFLICT),
        (Answer(409, "Conflict"), Meaning.EXISTS, Kind.CONFLICT),
        (Answer(400, "Bad Request"), Meaning.REFUSED, Kind.INVALID),
        (Answer(401, "Unauthorized"), Meaning.REFUSED, Kind.UNAUTHORIZED),
        (Answer(403, "Forbidden"), Meaning.REFUSED, Kind.FORBIDDEN),
        (Answer(404, "Not Found"), Meaning.REFUSED, Kind.NOT_FOUND),
        (Answer(405, "Method Not Allowed"), Meaning.REFUSED, Kind.NOT_FOUND),
        (Answer(413, "Content Too Large"), Meaning.REFUSED, Kind.INVALID),
        (Answer(429, "Too Many Requests"), Meaning.REFUSED, Kind.UNAVAILABLE),
        (Answer(500, "Internal Server Error", "", "already exists"), Meaning.REFUSED, Kind.INTERNAL),
        (Answer(503, "Service Unavailable"), Meaning.REFUSED, Kind.UNAVAILABLE),
        (Answer(507, "Insufficient Storage"), Meaning.REFUSED, Kind.UNAVAILABLE),
        (Answer(302, "Found"), Meaning.ELSEWHERE, Kind.INVALID),
    ],
)
def test_a_refusal_has_a_meaning_and_a_kind(answer: Answer, meaning: Meaning, kind: Kind) -> None:
    assert (answer.meaning, answer.kind) == (meaning, kind)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("created", "uploaded"),
        ("unchanged", "kept"),
        ("replaced", "replaced"),
        (None, "uploaded"),
        ("x", "uploaded"),
    ],
)
def test_what_became_of_a_file_is_what_our_server_says(said: str | None, outcome: str) -> None:
    answer = Answer(200, "OK", outcome_said=said)

    assert (answer.meaning, answer.outcome) == (Meaning.TAKEN, outcome)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            Answer(400, "Bad", "text/plain; charset=utf-8", "the form\nis wrong\n"),
            "the form is wrong (HTTP 400)",
        ),
        (Answer(400, "Bad", "text/html", "<h1>the form is wrong</h1>"), "Bad (HTTP 400)"),
        (Answer(400, "Bad", "application/json", '{"message": "the form"}'), "the form (HTTP 400)"),
        (Answer(400, "Bad", "application/problem+json", '{"detail": "the form"}'), "the form (HTTP 400)"),
        (Answer(400, "Bad", "application/json", "["), "Bad (HTTP 400)"),
        (Answer(400, "Bad", "application/json", "[" * 200_000), "Bad (HTTP 400)"),
        (Answer(400, "Bad", "application/json", "[]"), "Bad (HTTP 400)"),
        (Answer(418), "HTTP 418"),
    ],
)
def test_the_reason_is_the_servers_own(answer: Answer, sentence: str) -> None:
    assert answer.sentence == sentence


@pytest.mark.parametrize(
    ("answer", "sentence", "is_of_a_proxy"),
    [
        (
            Answer(413, "Request Entity Too Large", "text/html", "<h1>413</h1>", server="nginx/1.22.1"),
            "Request Entity Too Large (HTTP 413, said by nginx/1.22.1)",
            True,
        ),
        (Answer(413, "Content Too Large"), "Content Too Large (HTTP 413)", True),
        (
            Answer(413, "Too Large", "text/plain", "larger than 9 bytes", server="granian"),
            "larger than 9 bytes (HTTP 413)",
            False,
        ),
        (Answer(403, "Forbidden", "text/html", "<h1>", server="nginx"), "Forbidden (HTTP 403)", False),
    ],
)
def test_a_limit_without_a_number_is_that_of_a_proxy(
    answer: Answer, sentence: str, is_of_a_proxy: bool
) -> None:
    assert (answer.sentence, answer.hint is not None) == (sentence, is_of_a_proxy)
    assert not is_of_a_proxy or "client_max_body_size" in (answer.hint or "")


def test_a_long_reason_is_cut() -> None:
    assert len(Answer(400, "", "text/plain", "x" * 10_000).sentence) < 400
