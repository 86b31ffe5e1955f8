"""Who may upload, remove, begin a project and own it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from pypitool.core.fact import Actor
from pypitool.core.names import normalize
from pypitool.repository.owners import change_owners
from tests.server.house import House, make_house
from tests.server.site import basic
from tests.support.forms import multipart, upload_form
from tests.support.repositories import scan
from tests.support.wheels import Release, wheel_bytes, wheel_filename

RULES = """
[groups]
maintainers = ["ann"]
[[rule]]
who = ["ann", "bob"]
may = ["list", "download", "upload"]
projects = ["acme-*", "new-*"]
[[rule]]
who = ["carol"]
may = ["delete"]
projects = ["acme-*"]
[[rule]]
who = ["dan"]
may = ["list"]
"""
CLOSED = '[[rule]]\nwho = ["authenticated"]\nmay = ["list"]\nprojects = ["none-*"]\n'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with (made := make_house(tmp_path, RULES)).repository:
        yield made


def upload(house: House, name: str, who: str, version: str = "2.0", *, salt: bytes = b"") -> TestResponse:
    release = Release(name, version)
    body = wheel_bytes(release, extra_files={"salt": salt})
    return house.post(upload_form(wheel_filename(release), body), who)


def remove(house: House, name: str, who: str, version: str = "1.0") -> TestResponse:
    fields = [(":action", "remove_pkg"), ("name", name), ("version", version)]
    return house.post(multipart(fields), who)


class Untouched(io.RawIOBase):
    """A body that nobody may read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize(
    ("who", "password", "status"),
    [("", "", 401), ("ann", "wrong", 401), ("nobody", "secret", 401), ("dan", "secret", 403)],
)
def test_who_may_write_nowhere_is_refused_before_the_body_is_read(
    house: House, who: str, password: str, status: int
) -> None:
    headers = {"Expect": "100-continue", "Content-Type": "multipart/form-data; boundary=x"}
    if who:
        headers["Authorization"] = basic(who, password)
    environ = {"wsgi.input": Untouched(), "CONTENT_LENGTH": "1000000"}

    answer = house.client.post("/", headers=headers, environ_overrides=environ)

    assert answer.status_code == status


def test_a_file_of_another_project_is_refused_before_its_bytes_arrive(house: House) -> None:
    form = upload_form("other-2.0-py3-none-any.whl", b"no wheel at all")

    answer = house.post(form, "ann")

    assert answer.status_code == 403
    assert answer.text == "'ann' does not have the right `upload` here\n"


@pytest.mark.parametrize("who", ["ann", "carol", "dan"])
def test_a_refusal_does_not_tell_whether_the_project_exists(house: House, who: str) -> None:
    there, absent = upload(house, "other", who), upload(house, "absent", who)

    assert there.status_code == absent.status_code == 403
    assert there.data == absent.data


def test_who_may_upload_a_project_uploads_it(house: House) -> None:
    assert upload(house, "acme-core", "ann").status_code == 200
    assert upload(house, "Acme.Core", "bob", "3.0").status_code == 200
    assert upload(house, "acme-core", "").status_code == 401
    assert upload(house, "acme-core", "carol").status_code == 403
    assert [fact["who"] for fact in house.facts] == ["user:ann", "user:bob"]


def test_who_may_delete_alone_removes_a_release(house: House) -> None:
    assert remove(house, "acme-core", "carol").status_code == 200
    assert house.facts[-1]["who"] == "user:carol"
    assert upload(house, "acme-core", "carol").status_code == 403


def test_removing_asks_the_rules(house: House) -> None:
    assert remove(house, "acme-core", "").status_code == 401
    assert remove(house, "acme-core", "bob").status_code == 403  # may list it, not delete
    hidden, absent = remove(house, "other", "carol"), remove(house, "absent", "carol")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.data.replace(b"other", b"absent") == absent.data
    assert [fact["what"] for fact in house.facts] == []


def test_overwriting_takes_its_own_right_and_the_server_s_consent(tmp_path: Path) -> None:
    more = '[[rule]]\nwho = ["bob"]\nmay = ["overwrite"]\nprojects = ["acme-*"]\n'
    house = make_house(tmp_path, RULES + more, more="[server]\noverwrite = true")

    with house.repository:
        assert upload(house, "acme-core", "ann", "1.0", salt=b"other").status_code == 409
        assert (
            upload(house, "acme-core", "bob", "1.0", salt=b"other").headers["X-Pypitool-Outcome"]
            == "replaced"
        )


def test_a_new_project_is_begun_by_those_who_may(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES, more='new-projects = ["@maintainers"]')

    with house.repository:
        refused = upload(house, "new-one", "bob")
        assert (refused.status_code, refused.text) == (403, "only @maintainers may upload a new project\n")
        assert upload(house, "acme-core", "bob").status_code == 200, "it is there already"
        assert upload(house, "new-one", "ann").status_code == 200
        assert upload(house, "new-one", "bob", "3.0").status_code == 200, "and now this one is"
        assert upload(house, "elsewhere", "ann").text == "'ann' does not have the right `upload` here\n"


def test_nobody_may_begin_a_project_where_the_list_is_empty(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES, more="new-projects = []")

    with house.repository:
        refused = upload(house, "new-one", "ann")
        assert (refused.status_code, refused.text) == (403, "nobody may upload a new project\n")


def test_a_project_with_an_owner_is_not_new(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES, more="new-projects = []")

    with house.repository:
        change_owners(house.repository, normalize("new-one"), add=["user:carol"], actor=Actor("local:root"))
        assert upload(house, "new-one", "ann").status_code == 200
        assert upload(house, "new-one", "carol", "3.0").status_code == 200
        assert upload(house, "New_One", "dan", "4.0").status_code == 403


def test_nothing_is_new_for_certain_before_the_directories_were_read(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES, more="new-projects = ['bob']", scanned=False)

    with house.repository:
        assert [upload(house, name, "ann").status_code for name in ("new-one", "acme-core")] == [503, 503]
        scan(house.repository)
        assert [upload(house, name, "ann").status_code for name in ("new-one", "acme-core")] == [403, 200]


def test_who_begins_a_project_owns_it(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES, more="owners = true")

    with house.repository:
        assert upload(house, "new-one", "bob").status_code == 200
        assert upload(house, "acme-core", "bob").status_code == 200
        assert house.repository.catalogue.owners(normalize("new-one")) == ("user:bob",)
        assert house.repository.catalogue.owners(normalize("acme-core")) == ()
        assert [fact["what"] for fact in house.facts] == ["owner", "upload", "upload"]
        assert house.facts[0] == {
            "what": "owner", "who": "user:bob", "from": "127.0.0.1", "with": "password",
            "project": "new-one", "owners": ["user:bob"],
        }  # fmt: skip
        assert remove(house, "new-one", "bob", "2.0").status_code == 200, "an owner may"
        assert remove(house, "acme-core", "bob", "1.0").status_code == 403
        assert upload(house, "new-one", "ann", "5.0").status_code == 200, "nobody loses anything"


def test_who_may_begin_projects_needs_no_other_right_for_them(tmp_path: Path) -> None:
    house = make_house(tmp_path, CLOSED, more='new-projects = ["bob", "carol"]\nowners = true')

    with house.repository:
        assert upload(house, "brand-new", "bob").status_code == 200
        assert upload(house, "brand-new", "carol", "3.0").status_code == 403, "it is bob's"
        assert upload(house, "brand-new", "bob", "3.0").status_code == 200
        assert upload(house, "acme-core", "bob").status_code == 403, "it was there"
        assert upload(house, "other-new", "ann").status_code == 403
        assert house.names("bob") == ["brand-new"]
        assert house.names("carol") == []


def test_a_file_that_is_refused_makes_nobody_an_owner(tmp_path: Path) -> None:
    house = make_house(tmp_path, RULES, more="owners = true")
    broken = upload_form("new_one-2.0-py3-none-any.whl", b"no wheel at all")

    with house.repository:
        assert house.post(broken, "bob").status_code == 400
        (house.repository.roots[0] / "new_two-2.0-py3-none-any.whl").write_bytes(b"not listed")
        assert upload(house, "new-two", "bob").status_code == 409
        assert house.repository.catalogue.owners(normalize("new-one")) == ()
        assert house.repository.catalogue.owners(normalize("new-two")) == ()
        owners = [fact["owners"] for fact in house.facts if fact["what"] == "owner"]
        assert owners == [["user:bob"], []]


def test_of_many_who_begin_a_project_at_once_one_owns_it(tmp_path: Path) -> None:
    people = [f"p{number}" for number in range(8)]
    named = ", ".join(f'"{one}"' for one in people)
    house = make_house(tmp_path, CLOSED, more=f"new-projects = [{named}]\nowners = true", people=people)

    with house.repository, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda who: upload(house, "wanted", who, f"1.{who[1:]}").status_code, people))
        (owner,) = house.repository.catalogue.owners(normalize("wanted"))

    assert sorted(answers) == [200, *[403] * 7]
    assert owner == f"user:{people[answers.index(200)]}"
