"""JSON that others have written: read, or refused with a sentence. Nothing else comes out of it."""

from __future__ import annotations

import json
import re
from typing import Any

# Half a character can only come from an escape, when the bytes are UTF-8.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(body: bytes) -> Any:
    """Read a document, or raise `ValueError` that says why it is none."""
    # RFC 8259, 8.1: between systems it is UTF-8. `json` alone would let halves of characters pass.
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8: {error}") from None
    try:
        document = json.loads(text)
        if _HALF.search(text):
            _refuse_halves(document)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return document


def _refuse_halves(document: object) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        near = error.object[max(0, error.start - 40) : error.start]
        raise ValueError(f"it holds half a character, which is no text, after `{near}`") from None
