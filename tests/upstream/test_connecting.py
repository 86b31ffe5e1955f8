"""What a session makes of the environment, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pypitool.upstream.session import UpstreamSession
from pypitool.upstream.upstream import Upstream
from pypitool.upstream.upstream_errors import UnusableCertificates
from tests.support.upstream import FakeUpstream


@pytest.fixture
def fake() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


def asked(session: UpstreamSession, url: str) -> int:
    with session.get(url, {}) as response:
        return response.status_code


def test_certificates_are_read_when_a_connection_needs_them(
    fake: FakeUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    session = UpstreamSession(Upstream("fake", fake.url, retries=0))

    without_tls = asked(session, f"{fake.url}a/")

    assert without_tls == 404
    with pytest.raises(UnusableCertificates):
        asked(session, f"{fake.url}a/".replace("http://", "https://"))


def test_certificates_that_were_named_are_read_before_any_request(tmp_path: Path) -> None:
    with pytest.raises(UnusableCertificates):
        UpstreamSession(Upstream("fake", "http://localhost/", ca=tmp_path / "absent.pem"))


def test_proxies_of_the_environment_are_found_for_each_host(
    fake: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeUpstream() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.root)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        session = UpstreamSession(Upstream("fake", fake.url, retries=0))

        answers = [asked(session, url) for url in (f"{fake.url}a/", "http://index.example/b/")]

    assert answers == [404, 404]
    assert fake.paths() == ["/simple/a/"]
    assert [seen.path for seen in proxy.seen] == ["http://index.example/b/"]
