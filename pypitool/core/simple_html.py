"""Pages of the Simple API as HTML (PEP 503, and what PEPs 592, 629, 658, 714, 740 and 792 add)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from html import escape

from pypitool.core.model import HeldFile, Project
from pypitool.core.simple_page import API_VERSION, advertised_metadata, encodable, page_of

Href = Callable[[HeldFile], str]


def project_html(project: Project, *, href: Href, hash_algo: str = "sha256") -> bytes:
    """Render a project's page; `href` gives a file's address, to which its digest is added."""
    status = [f'<meta name="pypi:project-status" content="{project.status.value}">']
    if project.status_reason:
        reason = _escaped(project.status_reason)
        status.append(f'<meta name="pypi:project-status-reason" content="{reason}">')
    anchors = (anchor(file, href, hash_algo) for file in page_of(project).files)
    return _document(f"Links for {project.name}", status, anchors)


def names_html(names: Iterable[str]) -> bytes:
    """Render the list of projects."""
    anchors = (f'<a href="{_escaped(name)}/">{_escaped(name)}</a><br>' for name in names)
    return _document("Simple index", [], anchors)


def _document(title: str, meta: Iterable[str], anchors: Iterable[str]) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta name="pypi:repository-version" content="{API_VERSION}">',
        *meta,
        f"<title>{title}</title>",
        "</head>",
        "<body>",
        f"<h1>{title}</h1>",
        *anchors,
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(lines).encode()


def anchor(file: HeldFile, href: Href, hash_algo: str) -> str:
    """Render the link to one file, as every list of files has it."""
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in _attributes(file))
    address = escape(href(file) + _fragment(file, hash_algo))
    # PEP 503: "the text of the anchor tag MUST match the final path component (the filename) of the URL".
    return f'<a href="{address}"{attributes}>{escape(file.filename)}</a><br>'


def _fragment(file: HeldFile, hash_algo: str) -> str:
    digest = getattr(file.contents.digests, hash_algo, None)
    return "" if digest is None else f"#{hash_algo}={digest}"


def _attributes(file: HeldFile) -> Iterator[tuple[str, str]]:
    if file.contents.requires_python:
        yield "data-requires-python", file.contents.requires_python
    metadata = advertised_metadata(file)
    if metadata:
        yield "data-core-metadata", f"sha256={metadata}"
        # PEP 714: "To support clients that used the previous key names", and only in HTML.
        yield "data-dist-info-metadata", f"sha256={metadata}"
    if file.yanked is not None:
        # PEP 592: "an arbitrary string that represents the reason", and so also an empty one.
        yield "data-yanked", file.yanked
    if file.signed:
        yield "data-gpg-sig", "true"
    if file.provenance:
        yield "data-provenance", file.provenance


def _escaped(text: str) -> str:
    return escape(encodable(text))
