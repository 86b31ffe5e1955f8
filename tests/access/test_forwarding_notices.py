"""Rules that go by an address: what a proxy must drop is told until somebody wrote that it does."""

from __future__ import annotations

import pytest

from pypitool.config.rights_tables import RuleSettings
from pypitool.config.server_table import ServerSettings
from pypitool.config.settings import Settings, forwarding_notices


def told(*, proxies: tuple[str, ...], written: str | None, networks: tuple[str, ...] | None) -> list[str]:
    server = ServerSettings(trusted_proxies=proxies, forwarded_header=written)
    rule = RuleSettings(1, ("ann",), ("list",), ("*",), networks)
    return list(forwarding_notices(Settings(server=server, rules=(rule,))))


def test_the_line_of_each_proxy_is_told() -> None:
    (notice,) = told(proxies=("127.0.0.1/32",), written=None, networks=("10.0.0.0/8",))

    assert "HAProxy: http-request del-header (?i)^X[-_]Forwarded[-_]For$ -m reg" in notice
    assert "`forwarded-header = 'X-Forwarded-For'`" in notice


@pytest.mark.parametrize(
    ("proxies", "written", "networks"),
    [
        ((), None, ("10.0.0.0/8",)),
        (("127.0.0.1/32",), None, None),
        (("127.0.0.1/32",), "X-Forwarded-For", ("10.0.0.0/8",)),
        (("127.0.0.1/32",), "Forwarded", ("10.0.0.0/8",)),
    ],
    ids=["no proxy", "no rule with from", "written down", "the other header"],
)
def test_otherwise_nothing_is_told(
    proxies: tuple[str, ...], written: str | None, networks: tuple[str, ...] | None
) -> None:
    assert told(proxies=proxies, written=written, networks=networks) == []
