"""Requirements at https addresses, of a real server with a certificate of the test's own authority."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pypitool.core.limits import INPUT_BYTES, INPUT_FILES
from pypitool.core.mirror.input_place import input_place, place_beside
from pypitool.core.upload.credential_choice import Credentials
from pypitool.mirror.configured import upstream_at, with_flags
from pypitool.mirror.inputs import InputFaults, Inputs, read_inputs
from pypitool.mirror.web_inputs import WebInputs, copy_name
from pypitool.upstream.upstream import Upstream
from tests.support.certificates import Authority
from tests.support.upstream import FakeUpstream, redirect, respond, truncate

LOCK = """
lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "a"
version = "1.0"
sdist = { name = "a-1.0.tar.gz", url = "https://elsewhere.example/a", hashes = { sha256 = "aa" } }
"""


@pytest.fixture
def site(authority: Authority) -> Iterator[FakeUpstream]:
    with FakeUpstream(authority=authority) as fake:
        yield fake


def web(authority: Authority, *upstreams: Upstream, copies: Path | None = None) -> WebInputs:
    """Read addresses with these upstreams, and trust the authority elsewhere."""

    def elsewhere(address: str) -> Upstream:
        (upstream,) = with_flags([upstream_at("address", address)], ca=authority.ca)
        return upstream

    return WebInputs(lambda: upstreams, elsewhere, copies)


def read(source: WebInputs, *requirements: str, constraints: Sequence[str] = ()) -> Inputs:
    return read_inputs(
        requirements=[input_place(each) for each in requirements], constraints=constraints,
        environ={"SECRET": "hush"}, fetch=source.read,
    )  # fmt: skip


def fault_of(source: WebInputs, *requirements: str) -> str:
    with pytest.raises(InputFaults) as caught:
        read(source, *requirements)
    return str(caught.value)


def names(inputs: Inputs) -> list[str]:
    return [str(line.requirement) for line in inputs.wanted]


def test_requirements_and_constraints_are_fetched_with_what_they_include(
    site: FakeUpstream, authority: Authority
) -> None:
    site.index.texts = {
        "/team/r.txt": b"a==1\n-r more/b.txt\n-c /limits.txt\n",
        "/team/more/b.txt": b"b==2\n",
        "/limits.txt": b"b<3\n",
        "/team/c.txt": b"a<2\n",
    }

    inputs = read(web(authority), f"{site.root}/team/r.txt", constraints=[f"{site.root}/team/c.txt"])

    assert names(inputs) == ["a==1", "b==2"]
    assert [str(line.requirement) for line in inputs.constraints] == ["b<3", "a<2"]
    assert inputs.wanted[1].source.file == f"{site.root}/team/more/b.txt"
    assert len(inputs.files) == 4


def test_a_file_here_includes_an_address_and_may_name_a_variable_in_it(
    site: FakeUpstream, authority: Authority, tmp_path: Path
) -> None:
    site.index.texts["/hush.txt"] = b"a==1\n"
    main = tmp_path / "main.txt"
    main.write_text(f"-c {site.root}/${{SECRET}}.txt\na\n")

    inputs = read(web(authority), str(main))

    assert [str(line.requirement) for line in inputs.constraints] == ["a==1"]


def test_each_address_is_asked_once(site: FakeUpstream, authority: Authority) -> None:
    site.index.texts["/r.txt"] = b"a==1\n"
    source = web(authority)

    read(source, f"{site.root}/r.txt")
    read(source, f"{site.root}/r.txt", constraints=[f"{site.root}/r.txt"])

    assert site.paths() == ["/r.txt"]


def test_a_lock_at_an_address_is_known_by_its_content(site: FakeUpstream, authority: Authority) -> None:
    site.index.texts["/backend"] = LOCK.encode()

    assert names(read(web(authority), f"{site.root}/backend")) == ["a==1.0"]


def test_a_lock_of_uv_at_an_address_is_one_line(site: FakeUpstream, authority: Authority) -> None:
    site.index.texts["/uv.lock"] = b'version = 1\n[[package]]\nname = "a"\n'

    (line,) = fault_of(web(authority), f"{site.root}/uv.lock").splitlines()

    assert line.startswith(f"{site.root}/uv.lock:1: is a lock of uv without its pyproject.toml: ")


def test_what_was_fetched_sees_no_variable_and_no_file_of_this_machine(
    site: FakeUpstream, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").write_text("own==1\n")
    site.index.texts["/r.txt"] = b"-r ${SECRET}.txt\n-r %s/own.txt\n-r file://%s/own.txt\n" % (
        (str(tmp_path).encode(),) * 2
    )

    said = fault_of(web(authority), f"{site.root}/r.txt")

    assert "hush" not in said
    assert site.paths() == ["/r.txt", "/$%7BSECRET%7D.txt", f"{tmp_path}/own.txt"]
    assert said.splitlines()[-1] == f"file://{tmp_path}/own.txt: only https addresses are fetched"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://127.0.0.1:9/r.txt", "over plain http anybody on the way could change it"),
        ("ftp://127.0.0.1/r.txt", "only https addresses are fetched"),
        ("https://[bad/r.txt?token=x", "it is no address"),
        ("https://ann:pw@127.0.0.1:9/r.txt?token=x", "no user or password is taken from an address"),
    ],
)
def test_an_address_that_is_not_taken_is_one_line(authority: Authority, address: str, says: str) -> None:
    (line,) = fault_of(web(authority), address).splitlines()

    assert says in line
    assert "pw" not in line
    assert "token" not in line


def test_the_credentials_of_an_upstream_go_to_its_own_host_and_port_alone(
    site: FakeUpstream, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # `~/.netrc` is kept by host, and so would open any port of it.
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password pw\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with FakeUpstream(authority=authority) as other:
        site.index.credentials = ("mirror", "pw")
        site.index.texts["/r.txt"] = other.index.texts["/r.txt"] = b"a==1\n"
        source = web(authority, upstream(site, authority))

        inputs = read(source, f"{site.root}/r.txt", f"{other.root}/r.txt")

        assert names(inputs) == ["a==1", "a==1"]
        assert site.seen[0].headers["Authorization"].startswith("Basic ")
        assert "Authorization" not in other.seen[0].headers


def test_credentials_do_not_follow_a_redirect_to_another_port(
    site: FakeUpstream, authority: Authority
) -> None:
    with FakeUpstream(authority=authority) as other:
        site.fail("/r.txt", redirect(f"{other.root}/there.txt"))
        other.index.texts["/there.txt"] = b"a==1\n"

        inputs = read(web(authority, upstream(site, authority)), f"{site.root}/r.txt")

        assert names(inputs) == ["a==1"]
        assert "Authorization" not in other.seen[0].headers


def upstream(site: FakeUpstream, authority: Authority) -> Upstream:
    return Upstream("corp", site.url, credentials=Credentials("mirror", "pw"), ca=authority.ca)


def test_a_redirect_leads_to_https_only(site: FakeUpstream, authority: Authority) -> None:
    with FakeUpstream() as plain:
        plain.index.texts["/r.txt"] = b"evil==1\n"
        site.fail("/r.txt", redirect(f"{plain.root}/r.txt"))

        line = fault_of(web(authority), f"{site.root}/r.txt")

        assert "which is not https" in line
        assert plain.seen == []


def test_what_was_fetched_leads_to_no_place_that_a_redirect_might_not(authority: Authority) -> None:
    source = web(authority)

    with pytest.raises(InputFaults) as caught:
        read_inputs(
            requirements=["https://192.0.2.1/r.txt"],
            environ={},
            fetch=lambda address, including: (
                b"-r https://127.0.0.1:9/x.txt\n-r https://169.254.169.254/x.txt\n"
                if including is None
                else source.read(address, including)
            ),
        )

    assert str(caught.value).splitlines() == [
        "https://127.0.0.1:9/x.txt: it is an address of this machine",
        "https://169.254.169.254/x.txt: it is a link-local address",
    ]


def test_a_certificate_that_is_not_trusted_is_one_line(site: FakeUpstream, authority: Authority) -> None:
    source = WebInputs(lambda: (), lambda address: upstream_at("address", address))

    (line,) = fault_of(source, f"{site.root}/r.txt").splitlines()

    assert "certificate" in line


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (respond(404), "it answers 404"),
        (respond(401), "it answers 401"),
        (respond(200, body=b"<!doctype html><p>log in", Content_Type="text/html"), "a page of HTML"),
        (truncate(3), "cut short"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(
    site: FakeUpstream, authority: Authority, fault: object, says: str
) -> None:
    site.index.texts["/r.txt"] = b"a==1\nb==1\n"
    site.fail("/r.txt", fault)  # type: ignore[arg-type]

    (line,) = fault_of(web(authority), f"{site.root}/r.txt").splitlines()

    assert line.startswith(f"{site.root}/r.txt: ")
    assert says in line


def test_no_more_than_the_limit_is_read(site: FakeUpstream, authority: Authority) -> None:
    site.index.texts["/big.txt"] = b"#" * (INPUT_BYTES.most + 1)

    assert "longer than 16777216 bytes" in fault_of(web(authority), f"{site.root}/big.txt")


def test_what_was_fetched_cannot_let_it_ask_without_end(site: FakeUpstream, authority: Authority) -> None:
    for number in range(INPUT_FILES.most + 1):
        site.index.texts[f"/{number}.txt"] = b"-r %d.txt\n" % (number + 1)

    assert "more than 64 addresses are asked" in fault_of(web(authority), f"{site.root}/0.txt")
    assert len(site.seen) == INPUT_FILES.most


def test_addresses_that_include_each_other_are_a_fault(site: FakeUpstream, authority: Authority) -> None:
    site.index.texts = {"/a.txt": b"-r b.txt\n", "/b.txt": b"-r a.txt\n"}

    assert "include each other" in fault_of(web(authority), f"{site.root}/a.txt")


def test_a_copy_stands_for_the_address_and_nobody_is_asked(
    site: FakeUpstream, authority: Authority, tmp_path: Path
) -> None:
    site.index.texts = {"/a.txt": b"a==1\n-r b.txt\n", "/b.txt": b"b==1\n"}
    copies, address = tmp_path / "inputs", f"{site.root}/a.txt"
    first = web(authority)
    read(first, address)
    first.keep(copies, all_of_them=True)
    asked = len(site.seen)

    inputs = read(web(authority, copies=copies), address)

    assert names(inputs) == ["a==1", "b==1"]
    assert len(site.seen) == asked


def test_without_a_copy_it_is_said_what_to_do(authority: Authority, tmp_path: Path) -> None:
    said = fault_of(web(authority, copies=tmp_path / "none"), "https://files.example/r.txt?x=1")

    assert said == "no copy of https://files.example/r.txt is here: run sync once"


def test_copies_that_no_set_names_any_more_go_with_a_run_of_all_sets(
    site: FakeUpstream, authority: Authority, tmp_path: Path
) -> None:
    site.index.texts = {"/a.txt": b"a==1\n", "/b.txt": b"b==1\n"}
    for name, all_of_them in (("a", True), ("b", False)):
        source = web(authority)
        read(source, f"{site.root}/{name}.txt")
        source.keep(tmp_path / "inputs", all_of_them=all_of_them)
    both = sorted(path.name for path in (tmp_path / "inputs").iterdir())
    web(authority).keep(tmp_path / "inputs", all_of_them=True)

    assert both == sorted(copy_name(f"{site.root}/{name}.txt") for name in "ab")
    assert list((tmp_path / "inputs").iterdir()) == []


def test_copies_are_not_kept_or_read_where_a_link_leads(
    site: FakeUpstream, authority: Authority, tmp_path: Path
) -> None:
    site.index.texts["/a.txt"] = b"a==1\n"
    elsewhere, copies, address = tmp_path / "elsewhere", tmp_path / "inputs", f"{site.root}/a.txt"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("1")
    copies.symlink_to(elsewhere)
    source = web(authority)
    read(source, address)

    with pytest.raises(OSError, match="it is a link"):
        source.keep(copies, all_of_them=True)

    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    copies.unlink()
    copies.mkdir()
    (tmp_path / "secret").write_text("root:x\n")
    (copies / copy_name(address)).symlink_to(tmp_path / "secret")
    assert "no copy of" in fault_of(web(authority, copies=copies), address)
    source.keep(copies, all_of_them=False)
    assert (tmp_path / "secret").read_text() == "root:x\n"
    assert names(read(web(authority, copies=copies), address)) == ["a==1"]


def test_a_path_is_beside_the_file_that_names_it() -> None:
    assert place_beside(Path("/srv/r.txt"), "c.txt") == Path("/srv/c.txt")
    assert place_beside(Path("/srv/r.txt"), "https://h/c.txt") == "https://h/c.txt"
    assert place_beside("https://h/a/r.txt?x=1", "../c.txt") == "https://h/c.txt"
    assert place_beside("https://h/r.txt", "//[bad/c.txt") == "//[bad/c.txt"
    assert place_beside(None, "file:///srv/my%20c.txt") == Path("/srv/my c.txt")
