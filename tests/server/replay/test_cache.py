"""The cache under the replay: bounded, dropped by dependencies, never filled with what is stale."""

from __future__ import annotations

from collections.abc import Collection

from pypitool_server.replay.cache import ENTRY_OVERHEAD, BoundedCache


def fresh(ticket: int, dependencies: Collection[str]) -> bool:
    return True


def cache_for(entries: int) -> BoundedCache[str, str]:
    return BoundedCache(entries * (ENTRY_OVERHEAD + 100), fresh)


def fill(cache: BoundedCache[str, str], *keys: str) -> None:
    for key in keys:
        cache.put(key, key.upper(), size=100, dependencies=[key], ticket=0)


def test_a_kept_value_is_found() -> None:
    cache = cache_for(10)

    fill(cache, "a")

    assert cache.get("a") == "A"
    assert cache.get("b") is None


def test_memory_stays_within_its_bound() -> None:
    cache = cache_for(10)

    fill(cache, *(f"key-{number}" for number in range(1000)))

    assert cache.size <= 10 * (ENTRY_OVERHEAD + 100)
    assert len(cache) == 10


def test_a_value_that_was_read_gets_a_second_chance() -> None:
    cache = cache_for(10)
    fill(cache, *"abcdefghij")
    cache.get("a")

    fill(cache, "k", "l")

    assert [key for key in "abcdefghijkl" if cache.get(key)] == list("adefghijkl")


def test_one_value_never_pushes_out_most_of_the_others() -> None:
    cache = cache_for(10)

    kept = cache.put("big", "BIG", size=5 * ENTRY_OVERHEAD, dependencies=[], ticket=0)

    assert not kept
    assert cache.get("big") is None


def test_a_value_is_dropped_with_any_of_its_dependencies() -> None:
    cache = cache_for(10)
    cache.put("page", "PAGE", size=1, dependencies=["numpy", "*all"], ticket=0)
    fill(cache, "other")

    cache.drop(["numpy"])

    assert cache.get("page") is None
    assert cache.get("other") == "OTHER"


def test_replacing_a_value_accounts_for_it_once() -> None:
    cache = cache_for(10)

    fill(cache, "a", "a", "a")

    assert cache.size == ENTRY_OVERHEAD + 100
    assert len(cache) == 1


def test_a_value_whose_dependencies_changed_meanwhile_is_not_kept() -> None:
    cache: BoundedCache[str, str] = BoundedCache(1 << 20, lambda ticket, dependencies: ticket >= 7)

    kept = cache.put("old", "OLD", size=1, dependencies=["numpy"], ticket=6)

    assert not kept
    assert cache.get("old") is None


def test_clearing_forgets_everything() -> None:
    cache = cache_for(10)
    fill(cache, "a", "b")

    cache.clear()

    assert len(cache) == 0
    assert cache.size == 0
    assert cache.get("a") is None
