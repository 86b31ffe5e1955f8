"""What a worker knows of changes, and that no stale answer is ever kept."""

from __future__ import annotations

import threading
from dataclasses import replace

from packaging.utils import NormalizedName, canonicalize_name

from pypitool.core.model import Changes
from pypitool_server.replay.cache import BoundedCache
from pypitool_server.replay.freshness import EVERYTHING, REMEMBERED_CHANGES, RIGHTS, Freshness


class ChangingCatalogue:
    """The changes of a catalogue, without its files."""

    def __init__(self) -> None:
        self.log: list[NormalizedName] = []
        self.restored = False
        self.looks = 0

    def commit(self, project: str) -> None:
        self.log.append(canonicalize_name(project))

    def stamp(self) -> object:
        return len(self.log), self.restored

    def serial(self) -> int:
        return len(self.log)

    def changes_since(self, serial: int) -> Changes:
        self.looks += 1
        return Changes(len(self.log), frozenset(self.log[serial:]), everything=self.restored)


def followed(catalogue: ChangingCatalogue) -> tuple[Freshness, BoundedCache[str, str]]:
    freshness = Freshness(catalogue)
    cache: BoundedCache[str, str] = BoundedCache(1 << 24, freshness.stands)
    freshness.follow(cache)
    return freshness, cache


def keep(freshness: Freshness, cache: BoundedCache[str, str], name: str, *dependencies: str) -> None:
    cache.put(name, name, size=1, dependencies=dependencies or (name,), ticket=freshness.ticket)


def test_a_change_drops_what_depends_on_its_project_and_nothing_else() -> None:
    catalogue = ChangingCatalogue()
    freshness, cache = followed(catalogue)
    for name in ("numpy", "flask"):
        keep(freshness, cache, name)

    catalogue.commit("numpy")
    freshness.check()

    assert [cache.get(name) for name in ("numpy", "flask")] == [None, "flask"]


def test_any_change_drops_what_depends_on_everything() -> None:
    catalogue = ChangingCatalogue()
    freshness, cache = followed(catalogue)
    keep(freshness, cache, "counts", EVERYTHING)

    catalogue.commit("numpy")
    freshness.check()

    assert cache.get("counts") is None


def test_an_answer_that_was_computed_before_a_change_is_not_kept_after_it() -> None:
    catalogue = ChangingCatalogue()
    freshness, cache = followed(catalogue)
    ticket = freshness.check()

    catalogue.commit("numpy")
    freshness.check()
    stale = cache.put("numpy", "old", size=1, dependencies=["numpy"], ticket=ticket)
    untouched = cache.put("flask", "old", size=1, dependencies=["flask"], ticket=ticket)

    assert not stale
    assert untouched


def test_an_answer_older_than_the_remembered_changes_is_not_kept() -> None:
    catalogue = ChangingCatalogue()
    freshness, cache = followed(catalogue)
    ticket = freshness.check()
    for _ in range(REMEMBERED_CHANGES + 1):
        catalogue.commit("numpy")
        freshness.check()

    kept = cache.put("flask", "old", size=1, dependencies=["flask"], ticket=ticket)

    assert not kept


def test_a_restored_catalogue_drops_everything_and_what_is_under_way() -> None:
    catalogue = ChangingCatalogue()
    freshness, cache = followed(catalogue)
    ticket = freshness.check()
    keep(freshness, cache, "numpy")

    catalogue.restored = True
    freshness.check()

    assert cache.get("numpy") is None
    assert not cache.put("flask", "old", size=1, dependencies=["flask"], ticket=ticket)


def test_an_unchanged_catalogue_is_not_read() -> None:
    catalogue = ChangingCatalogue()
    freshness, _ = followed(catalogue)
    freshness.check()
    looks = catalogue.looks

    for _ in range(10):
        freshness.check()

    assert catalogue.looks == looks


def test_every_thread_sees_a_change_before_its_next_answer() -> None:
    catalogue = ChangingCatalogue()
    freshness, cache = followed(catalogue)
    stale: list[str] = []

    def write_and_read(project: str) -> None:
        for _ in range(200):
            catalogue.commit(project)
            serial = str(len(catalogue.log))
            ticket = freshness.check()
            seen = cache.get(project)
            if seen is not None and int(seen) < int(serial):
                stale.append(seen)
            cache.put(project, serial, size=1, dependencies=[project], ticket=ticket)

    threads = [threading.Thread(target=write_and_read, args=(f"project-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not stale


def test_a_change_of_owners_drops_lists_but_no_page_of_another_project() -> None:
    class Owned(ChangingCatalogue):
        def changes_since(self, serial: int) -> Changes:
            return replace(super().changes_since(serial), rights=True)

    catalogue = Owned()
    freshness, cache = followed(catalogue)
    keep(freshness, cache, "numpy")
    keep(freshness, cache, "list", RIGHTS)

    catalogue.commit("flask")
    freshness.check()

    assert [cache.get(name) for name in ("numpy", "list")] == ["numpy", None]
