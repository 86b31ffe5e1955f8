"""What the values of a publisher must look like: its name, who signs, and what the tokens must say."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pypitool.config.checks import some_span
from pypitool.config.primitives import BadTable, BadValue, string, table, wrong_type
from pypitool.core.rights.publishers import Claims, ClaimValue

LONGEST_LIFE = 3600.0
_EXAMPLE = 'a table such as { repository = "acme/core" }'


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
    given = table(value, _EXAMPLE)
    if not given:
        raise BadValue(f"asks for nothing, and so anybody's CI would do: expected {_EXAMPLE}")
    faults: dict[str, str] = {}
    found: list[tuple[str, tuple[ClaimValue, ...]]] = []
    for name, one in given.items():
        try:
            found.append((name, _values(one)))
        except BadValue as fault:
            faults[name] = str(fault)
    if faults:
        raise BadTable(faults)
    return tuple(found)


def claims_table(value: Claims) -> dict[str, Any]:
    """Write them as a file has them."""
    return {name: values[0] if len(values) == 1 else list(values) for name, values in value}


def minted_span(value: object) -> float:
    """Demand a length of time that a stolen token may do harm."""
    seconds = some_span(value)
    if seconds > LONGEST_LIFE:
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
