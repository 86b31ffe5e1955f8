"""Whether a README can be shown on a page. The only module that imports readme_renderer, 300 ms of it."""

from __future__ import annotations

import re
from email.message import Message
from io import StringIO

# docutils' own form: `<string>:4: (ERROR/3) Unknown directive type "foo".`, and the lines it is about.
_REPORT = re.compile(r"<string>:(?P<line>\d*): \([A-Z]+/\d\) (?P<message>[^\n]*)")
_REST, _MARKDOWN = "text/x-rst", "text/markdown"
_NOTHING = "nothing of it remains"


def readme_fault(text: str, content_type: str | None) -> str | None:
    """Render a README as indexes do, and say what they would trip over; None: it renders."""
    # "Content-Type: text/x-rst [is the default]; if it does not render, indexes show plain text".
    kind = Message()
    kind["Content-Type"] = content_type or _REST
    media = kind.get_content_type()
    if media == _REST:
        return _rest_fault(text)
    if media == _MARKDOWN:
        return _markdown_fault(text, str(kind.get_param("variant", "GFM")))
    return None


def _rest_fault(text: str) -> str | None:
    from readme_renderer import rst

    said = StringIO()
    if rst.render(text, stream=said) is not None:
        return None
    found = _REPORT.search(said.getvalue())
    return _NOTHING if found is None else f"line {found['line']}: {found['message']}"


def _markdown_fault(text: str, variant: str) -> str | None:
    from readme_renderer import markdown

    return None if markdown.render(text, variant=variant) is not None else _NOTHING
