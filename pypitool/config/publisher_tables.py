"""`[[publisher]]`: who may upload from a CI without a secret.

What its name, the address of who signs, and the claims may be is checked here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pypitool.config.faults import ConfigFault
from pypitool.config.gathered import Gathered
from pypitool.config.keys import demanded, setting
from pypitool.config.kinds import PATH, ValueKind, each_read, some_span
from pypitool.config.rights_tables import PROJECT_GLOBS, RIGHTS
from pypitool.config.values import BadValue, inline_table, string, table, wrong_type
from pypitool.core.rights.publishers import Claims, ClaimValue
from pypitool.core.text import duration_text

_LONGEST_LIFE = 3600.0
_CLAIMS_EXAMPLE = 'a table such as { repository = "acme/core" }'
_AUDIENCE = "auth.oidc-audience"


def publisher_name(value: object) -> str:
    """Demand a name as tokens have them: what it mints is called so."""
    from pypitool.core.rights.tokens import TokenRefused, checked_name

    text = string(value, "a name").strip()
    try:
        return checked_name(text)
    except TokenRefused:
        raise BadValue(f"expected lower case letters, digits and `-`, got `{text}`") from None


def issuer(value: object) -> str:
    """Demand the https address of an issuer, which is compared letter by letter."""
    text = string(value, "an https URL")
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # OpenID Connect Discovery 1.0, 3: "URL using the https scheme with no query or fragment components".
    if not usable or parts.query or parts.fragment or "@" in parts.netloc or " " in text:
        raise BadValue(f"expected an https URL without a query, got `{text}`")
    return text


def claims(value: object) -> Claims:
    """Demand at least one claim, each with a value or several."""
    given = table(value, _CLAIMS_EXAMPLE)
    if not given:
        raise BadValue(f"asks for nothing, and so anybody's CI would do: expected {_CLAIMS_EXAMPLE}")
    return tuple(each_read(given, lambda _, one: _values(one)).items())


def claims_table(value: Claims) -> dict[str, Any]:
    """Write them as a file has them."""
    return {name: values[0] if len(values) == 1 else list(values) for name, values in value}


def minted_span(value: object) -> float:
    """Demand a length of time that a stolen token may do harm."""
    seconds = some_span(value)
    if seconds > _LONGEST_LIFE:
        raise BadValue(f"expected at most 1h, got `{value}`")
    return seconds


def _values(value: object) -> tuple[ClaimValue, ...]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise BadValue("allows nothing: expected a value, or an array of them")
    return tuple(_value(item) for item in items)


def _value(value: object) -> ClaimValue:
    if isinstance(value, str):
        return string(value)
    if isinstance(value, (bool, int, float)):
        return value
    raise wrong_type("a string, a number, or true or false", value)


PUBLISHER_NAME = ValueKind("NAME", publisher_name)
ISSUER = ValueKind("URL", issuer)
CLAIMS = ValueKind("TABLE", claims, inline_table, claims_table)
MINTED_SPAN = ValueKind("DURATION", minted_span, to_toml=duration_text)


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """`[[publisher]]`: a CI whose provider vouches for it with OpenID Connect."""

    line: int | None  # of its file
    name: str = demanded(
        "rules call it publisher:NAME; lower case letters, digits and -",
        kind=PUBLISHER_NAME,
        example="github-acme",
    )
    issuer: str = demanded(
        "address of who signs, exactly as its tokens have it",
        kind=ISSUER,
        example="https://token.actions.githubusercontent.com",
    )
    claims: Claims = demanded(
        "what its tokens must say, all of it; * stands for any characters, an array for any of its values",
        kind=CLAIMS,
        example='{ repository = "acme/core", ref = ["refs/heads/main", "refs/tags/*"] }',
    )
    projects: tuple[str, ...] = demanded(
        "globs of the projects that it is for; !GLOB takes names out", kind=PROJECT_GLOBS, example="acme-*"
    )
    may: tuple[str, ...] = setting(("upload",), "what it may there, as in rules", kind=RIGHTS)
    expires: float = setting(900.0, "how long a token lasts that it is given, 1h at most", kind=MINTED_SPAN)
    ca: Path | None = setting(
        None,
        "authorities to trust at the issuer instead of the usual ones, PEM",
        kind=PATH,
        example="/etc/ssl/acme.pem",
    )


def publisher_faults(gathered: Gathered, faulty: Collection[str]) -> Iterator[ConfigFault]:
    """Yield what is wrong between publishers; what stands at a `faulty` path has been reported."""
    paths = [path for path in gathered.places if path.startswith("publisher[")]
    if paths and not gathered.value(_AUDIENCE) and _AUDIENCE not in faulty:
        yield ConfigFault(gathered.places[paths[0]].source, paths[0], "needs `oidc-audience` under `[auth]`")
    first: dict[str, str] = {}
    for path in paths:
        name = gathered.value(f"{path}.name")
        if name is not None and first.setdefault(name, path) != path:
            # Which of the two would say what its tokens may?
            message = f"is the name of {first[name]} already"
            yield ConfigFault(gathered.places[path].source, f"{path}.name", message)
