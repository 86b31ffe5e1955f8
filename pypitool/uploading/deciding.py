"""What is to be sent, asked before anything is: the plan that a dry run shows and a real one follows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from packaging.utils import NormalizedName

from pypitool.core.upload.plan import UploadEvent
from pypitool.uploading.asking import Asker, CannotAsk
from pypitool.uploading.multipart import FileChanged
from pypitool.uploading.package import Package
from pypitool.upstream.listing import Listing

Pages = dict[NormalizedName, Listing | CannotAsk]


def decide(asker: Asker, packages: Sequence[Package], jobs: int) -> list[UploadEvent | None]:
    """Say of each file what became of it without being sent; None: it is to be sent."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="ask") as pool:
        projects = list(dict.fromkeys(package.project for package in packages))
        pages = dict(zip(projects, pool.map(partial(_page, asker), projects), strict=True))
        return list(pool.map(partial(_decided, asker, pages), packages))


def _page(asker: Asker, project: NormalizedName) -> Listing | CannotAsk:
    try:
        return asker.listing(project)
    except CannotAsk as error:
        return error


def _decided(asker: Asker, pages: Pages, package: Package) -> UploadEvent | None:
    page = pages[package.project]
    if isinstance(page, CannotAsk):
        return package.event("failed", page.kind, str(page))
    try:
        return asker.find(package, page).event(package)
    except CannotAsk as error:
        return package.event("failed", error.kind, str(error))
    except FileChanged as error:
        return package.event("failed", error.kind, str(error))
