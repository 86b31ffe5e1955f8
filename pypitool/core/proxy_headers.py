"""Headers between a proxy and us: which address a hop tells, and how else a client can spell a name.

WSGI knows a header by its name in capitals, with `_` for `-`: `X_Remote_User` and `X-Remote-User` are one
name there, and a proxy that drops what clients send under the second passes on the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from itertools import product

FORWARDED = "Forwarded"
X_FORWARDED_FOR = "X-Forwarded-For"
# An address in brackets, with a port, is shorter.
LONGEST_HOP = 64
# A name with three dashes has eight spellings; nobody writes down more.
MOST_SPELLINGS = 8


def is_ambiguous(name: str) -> bool:
    """Tell whether clients can spell the name of a header in more than one way."""
    return "-" in name or "_" in name


def is_unfilled(name: str) -> bool:
    """Tell whether a proxy wrote what stands for nobody: `{http.auth.user.id}`, `(null)`, `-`.

    Caddy passes a placeholder on as it was written when nothing is behind it, Apache and logs have words.
    """
    return "{" in name or "}" in name or name in ("(null)", "-")


def spellings(name: str) -> tuple[str, ...]:
    """Return the spellings that WSGI cannot tell apart, the given one first, and at most `MOST_SPELLINGS`."""
    words = name.replace("_", "-").split("-")
    others = (_joined(words, marks) for marks in product("-_", repeat=len(words) - 1))
    return (name, *[one for _, one in zip(range(MOST_SPELLINGS), others, strict=False) if one != name])


def dropping_lines(name: str) -> Iterator[tuple[str, str]]:
    """Yield, for each proxy, what of its configuration drops every spelling of a name that a client sends.

    It stands before the line that sets the header: some of these take out the right spelling too.
    """
    words = name.replace("_", "-").split("-")
    others = [one for one in spellings(name) if one != name]
    yield "nginx", "nothing, while underscores_in_headers is off, as it is unless it was written"
    yield "HAProxy", f"http-request del-header (?i)^{'[-_]'.join(words)}$ -m reg"
    yield "Caddy", "; ".join(f"request_header -{'-'.join(words[:end])}_*" for end in range(1, len(words)))
    yield "Apache", "; ".join(f"RequestHeader unset {one}" for one in others)
    yield "Traefik", "customRequestHeaders: {{ {} }}".format(", ".join(f'{one}: ""' for one in others))


def hop_address(hop: str) -> str | None:
    """Return the address of a hop (`10.0.0.7`, `10.0.0.7:80`, `::1`, `[::1]:80`), None for anything else.

    An IPv4 address that came over IPv6 (`::ffff:10.0.0.1`) is written as IPv4.
    """
    hop = hop.strip()
    # A scope (`fe80::1%eth0`) may be any text at all, and names nobody elsewhere.
    if len(hop) > LONGEST_HOP or "%" in hop:
        return None
    if hop.startswith("["):
        hop, bracket, port = hop[1:].partition("]")
        if not bracket or not _is_port(port) or ":" not in hop:
            return None
    elif hop.count(":") == 1:
        hop, colon, port = hop.partition(":")
        if not _is_port(colon + port):
            return None
    try:
        parsed = ip_address(hop)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def hops_of_list(value: str) -> Iterator[str]:
    """Yield the hops of `X-Forwarded-For`, the last first."""
    return reversed(value.split(","))


def hops_of_forwarded(value: str) -> Iterator[str]:
    """Yield what the `for` of each element of `Forwarded` says (RFC 7239, 4), the last first; "" for nothing.

    It is read from its end, because that is what our proxy has added: a quote that a client did not close
    swallows what the client wrote, and nothing else.
    """
    for element in _split_from_end(value, ","):
        yield _for_of(element)


def _for_of(element: str) -> str:
    pairs = [pair.partition("=") for pair in _split_from_end(element, ";")]
    said = [value.strip() for name, _, value in pairs if name.strip().lower() == "for"]
    # "Each parameter MUST NOT occur more than once per field-value" (4).
    if len(said) != 1:
        return ""
    node = said[0]
    return node[1:-1] if len(node) > 1 and node[0] == node[-1] == '"' else node


def _split_from_end(text: str, mark: str) -> Iterator[str]:
    """Yield what stands between marks outside of quoted strings, the last first."""
    parts: list[str] = []
    is_quoted = False
    for piece in reversed(text.split(mark)):
        parts.append(piece)
        if _quotes(piece) % 2:
            is_quoted = not is_quoted
        if not is_quoted:
            yield mark.join(reversed(parts))
            parts.clear()
    if parts:
        yield ""  # the beginning of a quoted string is not there


def _quotes(piece: str) -> int:
    """Count the quotes that no backslash takes the meaning of."""
    if "\\" not in piece:
        return piece.count('"')
    # `\\"` is a backslash and then a quote; `\"` is none (RFC 9110, 5.6.4).
    return piece.replace("\\\\", "").replace('\\"', "").count('"')


def _is_port(text: str) -> bool:
    """Tell whether this is nothing, or a colon and a port: digits, or a word for them (RFC 7239, 6)."""
    if not text:
        return True
    port = text[1:].removeprefix("_")
    return text[0] == ":" and port.isascii() and port.replace("-", "").replace(".", "").isalnum()


def _joined(words: list[str], marks: tuple[str, ...]) -> str:
    return words[0] + "".join(mark + word for mark, word in zip(marks, words[1:], strict=True))
