"""What a worker keeps of its environment, and how long it waits before it is started again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pypitool_server.engine.environment import scrubbed
from pypitool_server.engine.side_process import LONGEST_SECONDS, Backoff


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


@pytest.mark.process
def test_the_process_itself_forgets() -> None:
    code = "import os; from pypitool_server.engine.environment import scrub; scrub(); print(*os.environ)"
    environment = {"PATH": "/bin", "SECRET": "x", "PYTHONPATH": ":".join(sys.path)}

    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    assert {"PATH", "PYTHONPATH"} <= set(ended.stdout.split()), ended.stderr
    assert "SECRET" not in ended.stdout


@pytest.mark.process
def test_the_parent_imports_neither_the_application_nor_a_database() -> None:
    code = "import sys, pypitool_server.engine.serve; print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"flask", "werkzeug", "sqlite3", "requests", "watchdog", "prometheus_client", "passlib", "bcrypt"}
    assert not heavy & set(ended.stdout.split())


def test_short_lives_are_followed_by_longer_and_longer_waits() -> None:
    backoff = Backoff()

    waits = [backoff.after(0.1) for _ in range(100)]

    assert waits[:3] == [0.25, 0.5, 1.0]
    assert waits[-1] == LONGEST_SECONDS
    assert backoff.after(3600.0) == 0.0
    assert backoff.after(0.1) == 0.25
