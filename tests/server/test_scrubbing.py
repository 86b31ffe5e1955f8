"""What a worker keeps of its environment, and how long it waits before it is started again."""

from __future__ import annotations

from pypitool_server.backoff import LONGEST_SECONDS, Backoff
from pypitool_server.scrubbing import scrubbed


def test_secrets_and_proxies_do_not_reach_a_request() -> None:
    kept = scrubbed(
        {
            "PATH": "/bin",
            "LC_ALL": "C.UTF-8",
            "PYTHONWARNINGS": "error",
            "HTTP_PROXY": "http://evil",
            "PYPITOOL_PASSWORD": "secret",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "NOTIFY_SOCKET": "/run/notify",
        }
    )

    assert sorted(kept) == ["LC_ALL", "PATH", "PYTHONWARNINGS"]


def test_short_lives_are_followed_by_longer_and_longer_waits() -> None:
    backoff = Backoff()

    waits = [backoff.after(0.1) for _ in range(100)]

    assert waits[:3] == [0.25, 0.5, 1.0]
    assert waits[-1] == LONGEST_SECONDS
    assert backoff.after(3600.0) == 0.0
    assert backoff.after(0.1) == 0.25
