"""From sets to pins: what is pinned stays as it is, and uv is asked about the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pypitool.mirror.house import House
from pypitool.mirror.inputs import Inputs, read_inputs
from pypitool.mirror.sets import Closure, PinnedSet, SetRequest, pinned, refuse_unpinned
from pypitool.upstream.page_model import Upstream


def pin_sets(
    requests: Sequence[SetRequest],
    upstreams: Sequence[Upstream],
    house: House,
    environ: Mapping[str, str],
    exclude_newer: str | None = None,
    *,
    offline: bool = False,
) -> tuple[PinnedSet, ...]:
    """Return every set with pins for each of its targets, or raise what makes one unusable.

    Offline nobody is asked: what the lines do not pin is whatever is here and fits.
    """
    refuse_unpinned(requests)
    if offline:
        return tuple(pinned(request, {}) for request in requests)
    return tuple(
        pinned(request, _resolved(request, upstreams, house, environ, exclude_newer)) for request in requests
    )


def _resolved(
    request: SetRequest,
    upstreams: Sequence[Upstream],
    house: House,
    environ: Mapping[str, str],
    exclude_newer: str | None,
) -> dict[str | None, Inputs]:
    if request.closure is not Closure.RESOLVE:
        return {}
    from pypitool.mirror.resolver import Question, resolve

    lines = house.for_strangers(request.inputs.wanted, request.targets)
    if not lines:
        return {None: Inputs()}
    question = Question(
        wanted=lines,
        constraints=request.inputs.constraints,
        upstreams=upstreams,
        formats=request.inputs.formats,
        prereleases=request.rules.prereleases,
        exclude_newer=exclude_newer,
        house=house,
    )
    return {answer.target: _read(answer.pylock) for answer in resolve(question, request.targets, environ)}


def _read(pylock: str) -> Inputs:
    with TemporaryDirectory(prefix="pypitool-") as folder:
        path = Path(folder) / "pylock.toml"
        path.write_text(pylock, encoding="utf-8")
        return read_inputs(locks=[path], environ={})
