"""XML-RPC, as far as anything still speaks it: `search`, which pip 20.3 posts; all else is a fault."""

from __future__ import annotations

import binascii
import xmlrpc.client
from collections.abc import Iterable, Iterator
from typing import TypeAlias
from xml.parsers.expat import ExpatError

from flask import Blueprint, Response
from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.errors import Kind, PypitoolError
from pypitool_server.access.access import VisibleProjects
from pypitool_server.services import services
from pypitool_server.views.request_body import small_body
from pypitool_server.views.search import TooManyTerms, search_projects

XML = frozenset({"text/xml", "application/xml"})
# pip posts to whatever index URL it has; the others are what old clients were configured with.
ADDRESSES = frozenset({"/", "/RPC2", "/RPC2/", "/simple", "/simple/", "/pypi", "/pypi/"})
LARGEST_CALL = 64 * 1024

# https://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php
NOT_WELL_FORMED = -32700
NO_SUCH_METHOD = -32601
BAD_PARAMETERS = -32602


class NoXml(PypitoolError):
    """Something else than a call was posted where only calls are taken."""

    kind = Kind.INVALID
    status = 415
    sentence = "calls of XML-RPC are posted as text/xml"


Call: TypeAlias = "tuple[str, tuple[object, ...]]"


def blueprint() -> Blueprint:
    """Return the address of XML-RPC; at the other ones the application finds calls by their type."""
    calls = Blueprint("xmlrpc", __name__)
    # Every call was answered before: what comes so far is an upload that went astray.
    calls.add_url_rule("/RPC2", "call", refuse, methods=["POST"])
    calls.add_url_rule("/RPC2/", "call", refuse, methods=["POST"])
    return calls


def refuse() -> Response:
    """Refuse what is no call: a fault has the status 200, and twine would take it for a success."""
    raise NoXml


def answer() -> Response:
    """Answer one call."""
    here = services()
    listing = here.access.listing()
    try:
        result = _result(listing, *_parse(small_body(here, LARGEST_CALL)))
    except xmlrpc.client.Fault as fault:
        document = xmlrpc.client.dumps(fault, methodresponse=True)
    else:
        document = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True)
    return Response(document, content_type="text/xml; charset=utf-8")


def _parse(body: bytes) -> Call:
    from defusedxml import DefusedXmlException
    from defusedxml.xmlrpc import DefusedExpatParser

    calls = xmlrpc.client.Unmarshaller()
    parser = DefusedExpatParser(calls, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
        return calls.getmethodname() or "", tuple(calls.close())
    except (
        ExpatError,
        DefusedXmlException,
        binascii.Error,
        xmlrpc.client.Error,
        # What the unmarshaller of the standard library raises for values in the wrong place.
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise xmlrpc.client.Fault(NOT_WELL_FORMED, "the call cannot be read") from error


def _result(listing: VisibleProjects, method: str, parameters: tuple[object, ...]) -> list[dict[str, object]]:
    if method != "search":
        raise xmlrpc.client.Fault(NO_SUCH_METHOD, "only search is offered; use the simple index")
    terms = tuple(_terms(parameters))
    try:
        return [
            {"name": found.name, "version": found.version, "summary": found.summary}
            for found in search_projects(services().repository.catalogue, terms, sees=listing.sees)
        ]
    except TooManyTerms as error:
        raise xmlrpc.client.Fault(BAD_PARAMETERS, str(error)) from error


def _terms(parameters: tuple[object, ...]) -> Iterator[NormalizedName]:
    # search({"name": ["acme"], "summary": ["acme"]}, "or"): we look into names only.
    wanted = parameters[0] if parameters else {}
    if not isinstance(wanted, dict):
        raise xmlrpc.client.Fault(BAD_PARAMETERS, "search takes a struct of fields")
    names = wanted.get("name", ())
    for name in (names,) if isinstance(names, str) else names if isinstance(names, Iterable) else ():
        if isinstance(name, str) and name.strip():
            yield canonicalize_name(name.strip())
