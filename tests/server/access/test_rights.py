"""Rules: every address answers alike to anonymous, wrong, insufficient and sufficient credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from pypitool.access.rules import Rules
from pypitool.core.fact import Actor
from pypitool.core.index.http import LAST_SERIAL
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.core.rights.rulebook import ProjectGlobs, Rule, Rulebook
from pypitool.repository.owners import change_owners
from tests.server.house import House, make_house
from tests.server.site import JSON, basic
from tests.support.repositories import scan
from tests.support.wheels import build_wheel

ROOT = Actor("local:root")
SECRET = normalize("acme-secret")
RULES = """
[groups]
web = ["ann", "@night"]
night = ["dan"]

[[rule]]
who = ["anonymous"]
may = ["list", "download"]
projects = ["open-*"]

[[rule]]
who = ["@web"]
may = ["list", "download", "upload", "yank"]
projects = ["acme-*", "!acme-secret"]

[[rule]]
who = ["bob"]
may = ["list"]
projects = ["acme-*"]

[[rule]]
who = ["eve"]
may = ["download"]
projects = ["acme-*"]

[[rule]]
who = ["carol"]
may = ["list", "download"]
projects = ["acme-*"]
from = ["10.0.0.0/8"]

[[rule]]
who = ["root"]
may = ["admin"]
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path, RULES)
    with made.repository:
        yield made


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The same, made once, for tests that only read."""
    made = make_house(tmp_path_factory.mktemp("shared-house"), RULES)
    with made.repository:
        yield made


PAGES = (
    "/simple/{name}/",
    "/simple/{name}",
    "/simple/{Name}/",
    "/pypi/{name}/json",
    "/pypi/{name}/1.0/json",
    "/{name}/json",
    "/project/{name}/",
    "/project/{Name}/",
)
FILES = (
    "/packages/{file}-1.0-py3-none-any.whl",
    "/packages/{file}-1.0-py3-none-any.whl.metadata",
    "/packages/{file}-1.0-py3-none-any.whl.asc",
)


def paths_of(name: str, patterns: tuple[str, ...]) -> list[str]:
    spelled = name.replace("-", "_").title()
    return [pattern.format(name=name, Name=spelled, file=name.replace("-", "_")) for pattern in patterns]


def told(answer: TestResponse, name: str) -> tuple[int, bytes, dict[str, str]]:
    """Everything that an answer tells, the name that was asked for left out."""
    spelling = re.compile(name.replace("-", "[-_]").encode(), re.IGNORECASE)
    headers = {key: value for key, value in answer.headers.items() if key != "Content-Length"}
    return answer.status_code, spelling.sub(b"NAME", answer.data), headers


def statuses(house: House, name: str, patterns: tuple[str, ...], who: str, **more: str) -> set[int]:
    return {house.get(path, who, **more).status_code for path in paths_of(name, patterns)}


@pytest.mark.parametrize(
    ("who", "password", "pages", "files"),
    [
        ("", "", {401}, {401}),
        ("ann", "wrong", {401}, {401}),
        ("nobody", "secret", {401}, {401}),
        ("bob", "secret", {200, 301}, {403}),  # may list, not download
        ("eve", "secret", {404}, {200, 404}),  # may download, not list; there is no signature
        ("carol", "secret", {404}, {404}),  # may both, but not from here
        ("ann", "secret", {200, 301}, {200, 404}),
        ("dan", "secret", {200, 301}, {200, 404}),
        ("root", "secret", {200, 301}, {200, 404}),
    ],
)
def test_every_address_of_a_project_asks_the_rules(
    shared_house: House, who: str, password: str, pages: set[int], files: set[int]
) -> None:
    assert statuses(shared_house, "acme-core", PAGES, who, password=password) == pages
    assert statuses(shared_house, "acme-core", FILES, who, password=password) == files


@pytest.mark.parametrize("who", ["", "ann", "bob", "carol", "dan", "eve"])
@pytest.mark.parametrize("pattern", [*PAGES, *FILES])
def test_a_hidden_project_answers_as_a_name_that_is_not_held(
    shared_house: House, who: str, pattern: str
) -> None:
    # Where they may list names like these, absent ones are told from those that are left out of their rule.
    hidden, absent = ("acme-core", "acme-xxxx") if who in ("", "carol") else ("other", "othxr")
    if who == "ann":
        hidden, absent = "acme-secret", "othxr-xxxxx"

    (there,), (not_there,) = paths_of(hidden, (pattern,)), paths_of(absent, (pattern,))

    assert told(shared_house.get(there, who), hidden) == told(shared_house.get(not_there, who), absent)


def test_a_project_that_anybody_may_see_needs_no_credentials_and_breaks_by_no_wrong_ones(
    shared_house: House,
) -> None:
    for who, password in (("", ""), ("ann", "wrong"), ("carol", "secret")):
        pages = statuses(shared_house, "open-lib", PAGES, who, password=password)
        files = statuses(shared_house, "open-lib", FILES, who, password=password)
        assert (pages, files) == ({200, 301}, {200})

    answer = shared_house.get("/simple/open-lib/", "ann")
    assert "Authorization" not in answer.headers["Vary"]
    assert "private" in shared_house.get("/simple/acme-core/", "ann").headers["Cache-Control"]


def test_the_right_that_is_missing_is_named(shared_house: House) -> None:
    answer = shared_house.get("/packages/acme_core-1.0-py3-none-any.whl", "bob")

    assert answer.status_code == 403
    assert answer.text == "'bob' does not have the right `download` here\n"


def test_a_name_that_one_may_not_list_is_never_looked_for_elsewhere(shared_house: House) -> None:
    there = shared_house.get("/simple/acme-unheld/", "ann")
    hidden = shared_house.get("/simple/acme-unheld/", "carol")
    private = shared_house.get("/simple/other-unheld/", "ann")

    assert there.status_code == 303
    assert (hidden.status_code, private.status_code) == (404, 404)


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("", ["open-lib"]),
        ("ann", ["acme-core", "open-lib"]),
        ("bob", ["acme-core", "acme-secret", "open-lib"]),
        ("carol", ["open-lib"]),
        ("eve", ["open-lib"]),
        ("root", ["acme-core", "acme-secret", "open-lib", "other"]),
    ],
)
def test_lists_and_searches_hold_what_one_may_list(shared_house: House, who: str, seen: list[str]) -> None:
    files = re.findall(r'href="([a-z_]+)-1\.0', shared_house.get("/packages/", who).text)
    found = re.findall(r'href="project/([a-z-]+)/"', shared_house.get("/search?q=e", who).text)
    html = re.findall(r'href="([a-z-]+)/"', shared_house.get("/simple/", who).text)

    assert shared_house.names(who) == html == seen
    assert [file.replace("_", "-") for file in files] == seen
    assert found == seen
    assert f"<p>{len(seen)} file" in shared_house.get("/packages/", who).text


def test_search_by_xmlrpc_finds_what_one_may_list(shared_house: House) -> None:
    call = b"<methodCall><methodName>search</methodName><params><param><value><struct><member><name>name"
    call += (
        b"</name><value><string>e</string></value></member></struct></value></param></params></methodCall>"
    )

    def found(**headers: str) -> list[str]:
        answer = shared_house.client.post("/simple/", data=call, content_type="text/xml", headers=headers)
        return re.findall("<string>([a-z]+-[a-z]+)</string>", answer.text)

    assert found() == ["open-lib"]
    assert found(Authorization=basic("ann")) == ["acme-core", "open-lib"]
    wrong = shared_house.client.post(
        "/RPC2", data=call, content_type="text/xml", headers={"Authorization": basic("ann", "wrong")}
    )
    assert wrong.status_code == 401


@pytest.mark.parametrize("path", ["/simple/", "/packages/", "/search?q=e"])
@pytest.mark.parametrize("header", [basic("ann", "wrong"), "Basic !!!", "Bearer nonsense", "Negotiate x"])
def test_wrong_credentials_are_never_a_shorter_list(shared_house: House, path: str, header: str) -> None:
    answer = shared_house.client.get(path, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="pypi"'


def test_who_sees_less_is_told_the_greatest_serial_of_that(house: House) -> None:
    build_wheel(house.repository.roots[0], "acme-secret", "2.0")
    scan(house.repository)

    def serials(who: str) -> tuple[int, int]:
        answer = house.get("/simple/", who, Accept=JSON)
        listed = [project["_last-serial"] for project in answer.get_json()["projects"]]
        return int(answer.headers[LAST_SERIAL]), max(listed)

    ann, root = serials("ann"), serials("root")

    assert ann[0] == ann[1]
    assert root[0] == root[1] > ann[0]


def test_the_right_to_list_nothing_is_401_for_nobody_and_an_empty_list_for_somebody(tmp_path: Path) -> None:
    rule = '[[rule]]\nwho = ["ann"]\nmay = ["list"]\nprojects = ["x-*"]\n'
    house = make_house(tmp_path, rule)

    with house.repository:
        assert house.get("/simple/").status_code == 401
        assert house.names("ann") == house.names("bob") == []


def test_the_start_page_counts_what_anybody_may_list(shared_house: House) -> None:
    assert "1 project,\n1 file." in shared_house.get("/").text
    assert "acme" not in shared_house.get("/", "root").text


def test_a_replayed_list_is_that_of_who_asks(house: House) -> None:
    people = ["", "ann", "root", "carol", "bob"]
    [[house.names(who) for who in people] for _ in range(2)]  # the first verifies, the second is kept
    first = {who: house.names(who) for who in people}
    del house.replayed[:]

    again = {who: house.names(who) for who in people}

    assert again == first
    assert house.replayed == [True] * len(people)


def test_who_may_the_same_shares_the_answer(house: House) -> None:
    for who in ("ann", "ann", "dan"):  # the first verifies the password, the second is kept
        house.get("/simple/acme-core/", who)
    del house.replayed[:]

    assert house.get("/simple/acme-core/", "dan").status_code == 200
    assert house.replayed == [True]


@pytest.mark.parametrize(
    ("address", "forwarded", "status"),
    [
        ("10.1.2.3", None, 200),
        ("::ffff:10.1.2.3", None, 200),
        ("192.0.2.1", None, 404),
        ("", None, 404),
        ("192.0.2.1", "10.1.2.3", 404),
        ("127.0.0.1", "10.1.2.3", 200),
        ("127.0.0.1", "10.1.2.3, 192.0.2.9", 404),
        ("127.0.0.1", "192.0.2.9, 10.1.2.3", 200),
        ("127.0.0.1", "nonsense", 404),
    ],
)
def test_a_rule_with_addresses_speaks_there_alone(
    tmp_path: Path, address: str, forwarded: str | None, status: int
) -> None:
    house = make_house(tmp_path, RULES, more="[server]\ntrusted-proxies = ['127.0.0.1']")
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    with house.repository:
        for _ in range(2):  # the second one is replayed where it may be
            answer = house.get("/simple/acme-core/", "carol", address=address, **headers)
            assert answer.status_code == status


def test_what_anybody_may_from_somewhere_is_kept_by_no_shared_cache(tmp_path: Path) -> None:
    rule = '[[rule]]\nwho = ["anonymous"]\nmay = ["list", "download"]\nfrom = ["10.0.0.0/8"]\n'
    house = make_house(tmp_path, rule)

    with house.repository:
        inside = house.get("/simple/acme-core/", address="10.0.0.1")
        outside = house.get("/simple/acme-core/", address="192.0.2.1")
        assert (inside.status_code, outside.status_code) == (200, 401)
        assert "private" in inside.headers["Cache-Control"]


def test_an_owner_sees_the_project_from_the_next_request_on(house: House) -> None:
    before = house.names("carol"), house.get("/simple/acme-secret/", "carol").status_code

    change_owners(house.repository, SECRET, add=["user:carol"], actor=ROOT)
    owning = house.names("carol"), house.get("/simple/acme-secret/", "carol").status_code
    others = house.names("ann")
    change_owners(house.repository, SECRET, remove=["user:carol"], actor=ROOT)
    after = house.names("carol"), house.get("/simple/acme-secret/", "carol").status_code

    assert before == after == (["open-lib"], 404)
    assert owning == (["acme-secret", "open-lib"], 200)
    assert others == ["acme-core", "open-lib"]


def test_other_rules_count_from_the_next_request_on(house: House) -> None:
    before = house.names("ann"), house.names()
    rule = Rule(("ann",), frozenset({Right.LIST}), ProjectGlobs(("other",)))

    house.parts.access.adopt(Rules(Rulebook((rule,))))
    after = house.names("ann"), house.get("/simple/").status_code

    assert before == (["acme-core", "open-lib"], ["open-lib"])
    assert after == (["other"], 401)


def test_operations_are_for_neighbours_and_admins_of_everything(shared_house: House) -> None:
    def codes(who: str, **more: str) -> set[int]:
        return {shared_house.get(path, who, **more).status_code for path in ("/metrics",)}

    assert codes("") == codes("root", password="wrong") == {401}
    assert codes("ann") == codes("carol") == {403}
    assert codes("root") == {200}
    assert codes("", address="127.0.0.1") == {200}
