"""Forms, read while they arrive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypitool.core import limits
from pypitool_server.views.upload_body import (
    BrokenForm,
    Form,
    FormTooLarge,
    read_form,
)
from tests.support.forms import BOUNDARY, Body, multipart, recorded, recorded_names

FIELDS = [(":action", "file_upload"), ("name", "acme"), ("description", "zwei\r\nZeilen, ü\n")]
CONTENT = b"\r\n--\r\n-----4e39f2a6c1d\r\n\0\xff" * 50


class Kept(bytearray):
    """A sink that keeps what it is given."""

    def write(self, data: bytes, /) -> None:
        self += data


class Desk:
    """Opens sinks and remembers them."""

    def __init__(self) -> None:
        self.sinks: dict[str, Kept] = {}

    def open(self, field: str, filename: str, form: Form) -> Kept:
        return self.sinks.setdefault(f"{field}={filename}", Kept())


def read(body: Body, size: int = 1 << 16) -> tuple[Form, dict[str, Kept]]:
    desk = Desk()
    return read_form(body.content_type, pieces(body.data, size), desk.open), desk.sinks


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
def test_fields_and_files_are_the_same_however_they_arrive(size: int) -> None:
    body = multipart(FIELDS, [("content", "acme-1.0.tar.gz", CONTENT)])

    form, sinks = read(body, size)

    assert form.fields == FIELDS
    assert form.files == [("content", "acme-1.0.tar.gz")]
    assert bytes(sinks["content=acme-1.0.tar.gz"]) == CONTENT


@pytest.mark.parametrize("name", recorded_names())
def test_what_real_clients_send_is_read_whole(name: str) -> None:
    form, sinks = read(recorded(name), 100)

    assert form.first(":action") == "file_upload"
    assert form.first("name") == "acme-demo"
    assert form.first("version") == "1.0"
    assert len(sinks) == 1


@pytest.mark.parametrize("name", recorded_names())
def test_a_form_that_ends_too_early_is_never_whole(name: str) -> None:
    body = recorded(name)
    end = body.data.rindex(b"--")

    for length in [*range(0, end, 97), end]:
        with pytest.raises(BrokenForm, match="it ended before its last boundary"):
            read(Body(body.content_type, body.data[:length]))


def test_a_form_that_begins_with_an_empty_line_is_read() -> None:
    form, _ = read(multipart(FIELDS, preamble=b"\r\n"))

    assert form.fields == FIELDS


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_a_form_with_bare_line_feeds_is_read(size: int) -> None:
    # `setup.py register` of distutils.
    data = b'\n--b\nContent-Disposition: form-data; name=":action"\n\nsubmit\n--b--\n'

    form, _ = read(Body("multipart/form-data; boundary=b; charset=utf-8", data), size)

    assert form.fields == [(":action", "submit")]


def test_a_form_with_bare_line_feeds_does_not_grow_without_end() -> None:
    data = b'--b\nContent-Disposition: form-data; name="name"\n\n' + b"x" * (limits.FORM_BYTES.most + 1)

    with pytest.raises(FormTooLarge):
        read(Body("multipart/form-data; boundary=b", data))


def test_the_first_of_several_values_counts() -> None:
    form, _ = read(multipart([("name", "one"), ("name", "two")]))

    assert form.first("name") == "one"
    assert form.first("nothing") is None


def test_a_urlencoded_form_has_fields() -> None:
    form, _ = read(Body("application/x-www-form-urlencoded", b"%3Aaction=submit&name=acme&empty="))

    assert form.fields == [(":action", "submit"), ("name", "acme"), ("empty", "")]


@pytest.mark.parametrize(
    "content_type",
    [
        "", "text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary=",
        'multipart/form-data; boundary="' + "x" * 300 + '"', "multipart/form-data; boundary=\xfc",
        "multipart/mixed; boundary=x", "multipart/form-data; boundary=\x01\x02",
    ],
)  # fmt: skip
def test_a_form_without_a_sensible_type_is_refused(content_type: str) -> None:
    with pytest.raises(BrokenForm):
        read(Body(content_type, b"--x--\r\n"))


@pytest.mark.parametrize(
    "head",
    [
        b"", b"Content-Type: text/plain", b"Content-Disposition: form-data",
        b'Content-Disposition: form-data; name=""', b"Content-Disposition: \xff\xfe",
    ],
)  # fmt: skip
def test_a_part_without_a_name_is_refused(head: bytes) -> None:
    data = f"--{BOUNDARY}\r\n".encode() + head + f"\r\n\r\nvalue\r\n--{BOUNDARY}--\r\n".encode()

    with pytest.raises(BrokenForm):
        read(Body(f"multipart/form-data; boundary={BOUNDARY}", data))


def test_ten_thousand_fields_are_accepted_and_one_more_is_not() -> None:
    fields = [("classifiers", str(number)) for number in range(limits.FORM_PARTS.most)]

    form, _ = read(multipart(fields))

    assert len(form.fields) == limits.FORM_PARTS.most
    with pytest.raises(FormTooLarge):
        read(multipart([*fields, ("name", "acme")]))


def test_a_description_of_megabytes_is_accepted_and_one_without_end_is_not() -> None:
    form, _ = read(multipart([("description", "x" * (limits.FORM_BYTES.most // 2))]))

    assert len(form.fields[0][1]) == limits.FORM_BYTES.most // 2
    with pytest.raises(FormTooLarge):
        read(
            multipart(
                [("one", "x" * (limits.FORM_BYTES.most // 2)), ("two", "x" * (limits.FORM_BYTES.most // 2))]
            )
        )
    with pytest.raises(FormTooLarge):
        read(Body("application/x-www-form-urlencoded", b"x=" + b"x" * limits.FORM_BYTES.most))


def test_a_part_whose_head_never_ends_is_refused() -> None:
    data = f"--{BOUNDARY}\r\n".encode() + b"x" * (limits.FORM_BYTES.most + 1)

    with pytest.raises(FormTooLarge):
        read(Body(f"multipart/form-data; boundary={BOUNDARY}", data))


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_do_worse_than_being_refused(noise: bytes, size: int) -> None:
    body = Body("multipart/form-data; boundary=x", b"--x\r\n" + noise + b"\r\n--x--\r\n")

    try:
        form, _ = read(body, size)
    except (BrokenForm, FormTooLarge):
        return

    assert isinstance(form, Form)


@given(
    st.text(max_size=80),
    st.lists(st.sampled_from([b"\r", b"\n", b"--", b"x", b"\r\n--x", b": ", b'name="a"', b";"]), max_size=30),
)
def test_headers_of_any_kind_do_no_worse_either(boundary: str, parts: list[bytes]) -> None:
    content_type = f"multipart/form-data; boundary={boundary}"
    data = b"--x\r\nContent-Disposition: form-data; " + b"".join(parts) + b"\r\n\r\n\r\n--x--"

    try:
        form, _ = read(Body(content_type, data), 5)
    except (BrokenForm, FormTooLarge):
        return

    assert isinstance(form, Form)
