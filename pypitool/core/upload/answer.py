"""What the answer of an index to an upload means, whichever index it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pypitool.core.errors import Kind
from pypitool.core.json_text import parse_json
from pypitool.core.text import printable
from pypitool.core.upload.plan import Outcome

_LONGEST_REASON = 300
_LONGEST_NAME = 60
_EXISTS = "already exist"
_TOO_LARGE = 413
_PROXYS_LIMIT = (
    "a pypitool server names its own limit: this one is of a proxy in front of the index, "
    "`client_max_body_size` of nginx or `LimitRequestBody` of Apache"
)
_KINDS = {
    401: Kind.UNAUTHORIZED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    407: Kind.UNAUTHORIZED,
    409: Kind.CONFLICT,
    410: Kind.NOT_FOUND,
    429: Kind.UNAVAILABLE,
    500: Kind.INTERNAL,
}
_OUTCOMES: dict[str, Outcome] = {"created": "uploaded", "unchanged": "kept", "replaced": "replaced"}


class Meaning(str, Enum):
    """What happened to the file."""

    TAKEN = "taken"
    REFUSED = "refused"
    EXISTS = "exists"  # refused because there is one already: whether it is the same has to be asked
    ELSEWHERE = "elsewhere"  # a redirect, which uploads never follow


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as far as it is judged."""

    status: int
    reason: str = ""
    content_type: str = ""
    body: str = ""
    outcome_said: str | None = None  # by a server of ours, in a header
    server: str = ""  # who answered, in the header of that name

    @property
    def meaning(self) -> Meaning:
        """What it says about the file."""
        if 200 <= self.status < 300:
            return Meaning.TAKEN
        if 300 <= self.status < 400:
            return Meaning.ELSEWHERE
        said = f"{self.reason} {self.body}".lower()
        if self.status == 409 or (self.status in (400, 403) and _EXISTS in said):
            return Meaning.EXISTS
        return Meaning.REFUSED

    @property
    def outcome(self) -> Outcome:
        """What became of a file that was taken; an index that does not say it has published it."""
        return _OUTCOMES.get(self.outcome_said or "", "uploaded")

    @property
    def kind(self) -> Kind:
        """What sort of failure it is."""
        if self.meaning is Meaning.EXISTS:
            return Kind.CONFLICT
        if self.status in _KINDS:
            return _KINDS[self.status]
        return Kind.UNAVAILABLE if self.status > 500 else Kind.INVALID

    @property
    def sentence(self) -> str:
        """What it gives as the reason, with its status."""
        words = " ".join(self._words().split())[:_LONGEST_REASON]
        status = f"HTTP {self.status}"
        if self._is_of_a_proxy and self.server:
            status = f"{status}, said by {printable(self.server)[:_LONGEST_NAME]}"
        return f"{words} ({status})" if words else status

    @property
    def hint(self) -> str | None:
        """What to do about it, where the answer itself does not say."""
        return _PROXYS_LIMIT if self._is_of_a_proxy else None

    @property
    def _is_of_a_proxy(self) -> bool:
        # An index that refuses a size says which: nginx, Apache and their like have a page for everybody.
        return self.status == _TOO_LARGE and self._words() == self.reason

    def _words(self) -> str:
        # A page of HTML is for a browser, and indexes that answer with one say the same in the reason.
        media = self.content_type.partition(";")[0].strip().lower()
        if media == "text/plain" and self.body.strip():
            return self.body
        if media.endswith("json"):
            return _in_json(self.body) or self.reason
        return self.reason


def _in_json(body: str) -> str:
    try:
        document = parse_json(body.encode("utf-8", "replace"))
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    texts = (document.get(name) for name in ("message", "detail", "error"))
    return next((text for text in texts if isinstance(text, str)), "")
