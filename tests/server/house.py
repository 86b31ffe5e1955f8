"""An application with rules over a few projects, and people of whom each may something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pypitool.config.loader import load_settings
from pypitool.core.fact import to_document
from pypitool.repository.repository import Repository
from pypitool_server.app import create_app
from pypitool_server.http.wsgi_types import Environ
from pypitool_server.services import Services
from tests.server.site import JSON, basic
from tests.support.accounts import write_htpasswd
from tests.support.forms import Body
from tests.support.repositories import open_repository, scan
from tests.support.wheels import build_wheel

PEOPLE = ("ann", "bob", "carol", "dan", "eve", "root")


@dataclass
class House:
    """An application with rules over a few projects."""

    repository: Repository
    client: FlaskClient
    replayed: list[bool]

    @property
    def parts(self) -> Services:
        parts: Services = self.client.application.extensions["pypitool"]
        return parts

    def get(self, path: str, who: str = "", *, password: str = "secret", address: str = "192.0.2.1",
            **headers: str) -> TestResponse:  # fmt: skip
        """Ask as somebody: "" is nobody in particular."""
        if who:
            headers["Authorization"] = basic(who, password)
        environ = {"REMOTE_ADDR": address}
        return self.client.get(path, headers=headers, environ_overrides=environ, buffered=True)

    def post(self, body: Body, who: str = "", *, password: str = "secret") -> TestResponse:
        """Send a form as somebody."""
        headers = {"Authorization": basic(who, password)} if who else {}
        return self.client.post("/", data=body.data, content_type=body.content_type, headers=headers)

    @property
    def facts(self) -> list[dict[str, object]]:
        """What was decided, without the times."""
        facts = [to_document(fact) for fact in self.repository.facts.replay()]
        return [{key: value for key, value in fact.items() if key not in ("v", "at")} for fact in facts]

    def names(self, who: str = "", **more: str) -> list[str]:
        """The list of projects that somebody sees."""
        answer = self.get("/simple/", who, Accept=JSON, **more)
        assert answer.status_code == 200, answer.status
        return [project["name"] for project in answer.get_json()["projects"]]


def make_house(
    folder: Path, rules: str, *, more: str = "", scanned: bool = True, people: Sequence[str] = PEOPLE
) -> House:
    repository = open_repository(folder)
    packages = repository.roots[0]
    for name in ("acme-core", "acme-secret", "open-lib", "other"):
        build_wheel(packages, name, "1.0")
    (packages / "open_lib-1.0-py3-none-any.whl.asc").write_bytes(b"signature")
    if scanned:
        scan(repository)
    passwords = write_htpasswd(folder / "htpasswd", dict.fromkeys(people, "secret"))
    file = folder / "config.toml"
    file.write_text(f"[auth]\npasswords = '{passwords}'\n{more}\n{rules}")
    settings = load_settings({"server.packages": repository.roots}, {}, file).settings
    seen: list[bool] = []

    def observe(
        environ: Environ, status: int, size: int, seconds: float, user: str | None, replayed: bool
    ) -> None:
        seen.append(replayed)

    app = create_app(settings, repository=repository, observe=observe)
    return House(repository, app.test_client(use_cookies=False), seen)
