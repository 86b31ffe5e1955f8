"""The legacy upload API, as all clients speak it: one address, one form, and `:action` says what is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import ClassVar

from flask import Blueprint, Response, request
from packaging.utils import NormalizedName

from pypitool.archives.archive import names_in_zip, read_archive
from pypitool.archives.open_archive import BrokenArchive
from pypitool.core.errors import Kind, PypitoolError
from pypitool.core.fact import Actor
from pypitool.core.filenames import Distribution
from pypitool.core.index.http import OUTCOME
from pypitool.core.index.upload_form import UploadForm, check_digests, check_form, check_metadata
from pypitool.core.limits import FORM_BYTES
from pypitool.core.model import Origin, OriginKind, ProjectStatus
from pypitool.core.names import normalize
from pypitool.core.rights.right import Right
from pypitool.core.text import printable
from pypitool.repository import owners
from pypitool.repository.publish import Incoming, publish
from pypitool.repository.read_file import contents_of
from pypitool.repository.releases import NotHeld, delete_release
from pypitool_server.access.access import RequestRights
from pypitool_server.http.negotiated import queried
from pypitool_server.services import Services, services
from pypitool_server.views import answers
from pypitool_server.views.not_held import refuse_while_reading
from pypitool_server.views.request_body import RequestBody, current_body, refuse_pages
from pypitool_server.views.upload_body import ACTION, DOCUMENTS, Form, IncomingFile, read_form

# All that people have in their .pypirc, with and without a slash: twine takes any redirect for a failure.
ADDRESSES = ("/", "/legacy/", "/legacy", "/simple/", "/simple", "/pypi/", "/pypi")
CLOSED = (ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED)


class BadUpload(PypitoolError):
    """A form that does not say what every upload says."""

    kind = Kind.INVALID
    sentence = "{reason}"
    reason: str


class ReadOnly(PypitoolError):
    """The server was told to change nothing."""

    kind = Kind.UNAVAILABLE
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "600"}
    sentence = "this server is read-only at this moment"


class ProjectClosed(PypitoolError):
    """A project that takes no uploads (PEP 792)."""

    kind = Kind.FORBIDDEN
    sentence = "`{distribution.filename}` is refused: the project `{distribution.project}` is {status_word}"
    distribution: Distribution
    status_word: str


def blueprint() -> Blueprint:
    """Return the addresses that take uploads."""
    uploads = Blueprint("upload", __name__)
    for address in ADDRESSES:
        uploads.add_url_rule(address, f"at {address}", receive, methods=["POST"])
    return uploads


def receive() -> Response:
    """Take one form; who may not send it is told so before its body is read."""
    here = services()
    # Of which project it is about, and what is asked of it, the body tells.
    here.access.require_some(Right.UPLOAD, Right.DELETE)
    refuse_pages()  # "Uploads and `remove_pkg` with an `Origin` header are refused: no client sends one"
    if here.settings.server.read_only:
        raise ReadOnly
    body = current_body(here)
    with here.threads.receiving.take(here.access.client(request.environ)):
        return _received(here, body)


def _received(here: Services, body: RequestBody) -> Response:
    store, limit = here.repository.store, here.settings.server.max_upload_size
    admit = partial(_admitted, here)
    # Scripts with curl have it in the address, which the public index reads; the form's own word counts.
    asked = queried(ACTION)
    with IncomingFile(store, admit=admit, limit=limit, announced=body.expected or 0, action=asked) as file:
        pieces = body.pieces(limit + FORM_BYTES.most)
        form = read_form(request.content_type or "", pieces, file.open)
        action = form.first(ACTION) or asked
        if not action:
            raise BadUpload(f"missing `{ACTION}` field")
        if action not in ACTIONS:
            raise BadUpload(f"unsupported `{ACTION}` field: {printable(action)}")
        return ACTIONS[action](here, form, file)


def _admitted(here: Services, project: NormalizedName) -> RequestRights:
    def is_new() -> bool:
        if not owners.is_new(here.repository, project):
            return False
        refuse_while_reading()
        return True

    return here.access.require_upload(project, is_new)


def _file_upload(here: Services, form: Form, file: IncomingFile) -> Response:
    if file.distribution is None or file.temporary is None:
        raise BadUpload("missing `content` file-field")
    said = UploadForm.from_fields(form.fields)
    check_form(said, file.distribution)
    file.temporary.flush()
    digests = file.digester.digests()
    long_blake2 = file.long_blake2() if said.wants_long_blake2 else None
    check_digests(said, file.distribution.filename, digests, long_blake2)
    # Once more: much may have been decided while the body arrived.
    rights = _admitted(here, file.distribution.project)
    _refuse_closed(here, file.distribution)
    facts = read_archive(file.temporary.file.fileno(), file.distribution, file.digester.size)
    check_metadata(file.distribution, facts.doubt)
    signature = file.checked_signature()
    actor = here.access.actor(rights)
    origin = Origin(OriginKind.UPLOADED, actor.who)
    contents = contents_of(facts, digests)
    incoming = Incoming(file.distribution, contents, origin, facts.metadata_body, signature=signature)
    project = file.distribution.project
    overwrite = here.settings.server.overwrite and rights.may(Right.OVERWRITE, project)
    with _beginning(here, rights, project, actor):
        published = publish(here.repository, file.temporary, incoming, actor=actor, overwrite=overwrite)
    answer = answers.text("")
    answer.headers[OUTCOME] = published.outcome.value
    return answer


@contextmanager
def _beginning(
    here: Services, rights: RequestRights, project: NormalizedName, actor: Actor
) -> Iterator[None]:
    """Let who uploads a project that is new own it, where that is the rule."""
    owner = rights.basis.subject.who
    if owner is None or not here.access.rules.owners:
        yield
        return
    with owners.claim_new_project(here.repository, project, owner, actor):
        # Somebody else may have begun it a moment ago.
        _admitted(here, project)
        yield


def _refuse_closed(here: Services, distribution: Distribution) -> None:
    status, _ = here.repository.catalogue.status(distribution.project)
    if status in CLOSED:
        raise ProjectClosed(distribution, status.value)


def _remove(here: Services, form: Form, file: IncomingFile) -> Response:
    name, version = form.first("name"), form.first("version")
    if not name or not version:
        raise BadUpload("missing `name` or `version` field")
    rights = here.access.require(Right.DELETE, normalize(name), absent=NotHeld(name))
    delete_release(here.repository, name, version, here.access.actor(rights))
    return answers.text("")


def _nothing(here: Services, form: Form, file: IncomingFile) -> Response:
    """Answer `submit` and `verify`: what they announce is read from the file itself."""
    return answers.text("")


def _documents(here: Services, form: Form, file: IncomingFile) -> Response:
    """Answer `doc_upload`: checked as ever, and not kept, as ever."""
    if file.temporary is None:
        raise BadUpload("missing `content` file-field")
    file.temporary.flush()
    descriptor, size = file.temporary.file.fileno(), file.digester.size
    try:
        names = names_in_zip(descriptor, size, "content")
    except BrokenArchive as broken:
        raise BadUpload(f"the documentation is not usable: {broken.reason}") from broken
    if b"index.html" not in names:
        raise BadUpload("the documentation holds no `index.html`")
    return answers.text("")


ACTIONS: Mapping[str, Callable[[Services, Form, IncomingFile], Response]] = {
    "file_upload": _file_upload,
    "remove_pkg": _remove,
    "submit": _nothing,
    "verify": _nothing,
    DOCUMENTS: _documents,
}
