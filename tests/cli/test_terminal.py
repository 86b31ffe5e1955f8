from __future__ import annotations

from pypitool.cli.terminal import TransferBars


def test_bars_appear_with_the_first_file_and_give_way_to_what_is_printed() -> None:
    with TransferBars() as view:
        seen = [view.is_shown()]
        view.announced(0)
        seen.append(view.is_shown())
        with view.aside():
            seen.append(view.is_shown())
        seen.append(view.is_shown())

    assert [*seen, view.is_shown()] == [False, True, False, True, False]


def test_what_is_printed_before_any_file_comes_needs_no_room() -> None:
    with TransferBars() as view:
        with view.aside():
            assert not view.is_shown()
        assert not view.is_shown()
