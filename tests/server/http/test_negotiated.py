"""What a request asks for: read once, and by one name where it comes to the same."""

from __future__ import annotations

import pytest
from flask import Flask

from pypitool.core.index.http import MediaType
from pypitool_server.http.negotiated import (
    FORM,
    LONG,
    MOST_REMEMBERED,
    PageForm,
    RememberedForms,
    asked_form,
    form_of,
)

JSON = "application/vnd.pypi.simple.v1+json"


def test_headers_that_select_the_same_have_one_name() -> None:
    short, long = form_of(JSON, "gzip"), form_of(f"{JSON};q=0.9, text/html;q=0.1", "br, gzip")

    assert short == long
    assert short == PageForm(short.name, MediaType.JSON_V1, zipped=True)


@pytest.mark.parametrize(
    ("accept", "coding"),
    [(JSON, None), ("text/html", "gzip"), ("image/png", "gzip"), (None, "gzip")],
    ids=["not-zipped", "html", "nothing-that-there-is", "no-header"],
)
def test_headers_that_select_something_else_have_another_name(accept: str | None, coding: str | None) -> None:
    assert form_of(accept, coding).name != form_of(JSON, "gzip").name


def test_what_the_front_has_read_is_not_read_again() -> None:
    left = PageForm("left by the front", MediaType.HTML_V1, zipped=False)

    with Flask("small").test_request_context(headers={"Accept": JSON}, environ_overrides={FORM: left}):
        assert asked_form() == left


def test_a_format_in_the_query_goes_before_the_headers() -> None:
    with Flask("small").test_request_context("/?format=text/html", headers={"Accept": JSON}):
        assert asked_form().media is MediaType.TEXT_HTML


def test_no_more_than_a_thousand_headers_are_remembered() -> None:
    forms = RememberedForms()

    for number in range(2 * MOST_REMEMBERED):
        forms[f"text/html;q=0.{number}", None]

    assert len(forms) <= MOST_REMEMBERED


def test_headers_that_are_long_are_not_kept() -> None:
    forms = RememberedForms()
    long = f"{JSON}, " + "a/b, " * 1000

    assert forms[long, "gzip"] is LONG
    assert len(forms) == 0
