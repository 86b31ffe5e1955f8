"""Every view at its address: put into an application, with what holds for each request and answer."""

from __future__ import annotations

import re

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from pypitool.config.server_table import ServerSettings
from pypitool_server.views import (
    answers,
    error_answers,
    files,
    legacy_json,
    operations,
    pages,
    simple,
    trusted_publishing,
    upload,
    xmlrpc,
)
from pypitool_server.views.api import routes
from pypitool_server.views.request_body import WITH_BODY, begin_answering, drain_early, end_answering

# Line ends have no business in an address: they have got into headers and logs from there before. And what
# does not begin with a slash (`OPTIONS *`) names no page.
_PLAIN = re.compile(r"/[^\x00-\x1f\x7f]*")


def install_views(app: Flask, server: ServerSettings) -> None:
    """Let `app` answer at all our addresses, below what the server is mounted at."""
    mount = server.server_base_url.rstrip("/")
    error_answers.install(app, mount)
    for view in (simple, files, legacy_json, pages, upload, xmlrpc, routes):
        app.register_blueprint(view.blueprint(), url_prefix=mount or None)
    app.register_blueprint(operations.blueprint(server.health_endpoint), url_prefix=mount or None)
    app.register_blueprint(trusted_publishing.blueprint())
    if mount:
        app.add_url_rule(mount, "mount", lambda: answers.moved(f"{mount.rpartition('/')[2]}/"))
        # An upload is not answered with a redirect, which twine would not follow: to http, behind a proxy.
        app.add_url_rule(mount, "mount upload", upload.receive, methods=["POST"])
    app.before_request(begin_answering)
    app.before_request(lambda: _refused_path() or _xml_answer(mount))
    app.after_request(_finished)
    app.teardown_request(lambda _: end_answering())


def _refused_path() -> Response | None:
    environ = request.environ
    path = environ.get("PATH_INFO", "")
    if not path:  # a gateway has mounted us, and was asked for the mount point without its slash
        return answers.moved(f"{environ.get('SCRIPT_NAME', '').rpartition('/')[2]}/")
    if not _PLAIN.fullmatch(path):
        raise BadRequest
    return None


def _xml_answer(mount: str) -> Response | None:
    """Answer XML that is posted where uploads are, before Flask chooses a view."""
    if request.method != "POST" or request.mimetype not in xmlrpc.XML:
        return None
    return xmlrpc.answer() if request.path.removeprefix(mount) in xmlrpc.ADDRESSES else None


def _finished(answer: Response) -> Response:
    # A client that was refused and still sends reads no answer before it has sent everything.
    if request.method in WITH_BODY and answer.status_code >= 300:
        drain_early(answer)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
