"""The live view: it fits the terminal, shows what takes its time, and leaves nothing behind."""

from __future__ import annotations

import sys
from io import StringIO
from itertools import count

import pytest

from pypitool.cli import terminal
from pypitool.cli.terminal import TransferBars, Widths

LONG = "matplotlib-3.9.2-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


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


@pytest.mark.parametrize("columns", range(40, 250))
def test_a_line_is_narrower_than_the_terminal(columns: int) -> None:
    widths = Widths.of(columns)
    parts = [widths.name, widths.bar, terminal.SIZES, terminal.RATE, *([widths.left] if widths.left else [])]

    total = sum(parts) + len(parts) - 1

    assert total < max(columns, 53)
    assert widths.bar >= 8


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Standard error, as wide as the variable COLUMNS says."""
    shown = StringIO()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def lines_of(view: TransferBars) -> list[str]:
    """What the view shows now."""
    console = view.shown.console
    with console.capture() as capture:
        for drawn in view.shown.get_renderables():
            console.print(drawn)
    return capture.get().splitlines()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_bar_size_and_rate_stand_beside_a_name_that_is_shortened_in_the_middle(
    screen: StringIO, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ticks = count()
    view = TransferBars(lambda: next(ticks))
    view.announced(10 * 1024**2)
    view.started(LONG, 8 * 1024**2)
    for _ in range(3):
        view.moved(LONG, 1024**2)

    whole, file = lines_of(view)
    view.shown.stop()

    assert (whole.startswith("all files "), "3.0/10.0 MiB" in whole) == (True, True)
    assert file.startswith("matpl")
    assert "64.whl " in file
    assert "3.0/8.0 MiB" in file
    assert all("iB/s" in line for line in (whole, file))
    assert max(map(len, (whole, file))) < columns


def test_a_phase_that_is_over_at_once_does_not_flash(
    screen: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 3600)
    view = TransferBars()

    with view.during("reading pages", 7):
        assert lines_of(view) == []
    view.shown.stop()


def test_a_phase_shows_what_it_does_and_how_far_it_is(
    screen: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0)
    monkeypatch.setenv("COLUMNS", "80")
    view = TransferBars()

    with view.during("reading pages", 7) as phase:
        phase.step()
        phase.step()
        (line,) = lines_of(view)
    with view.during("resolving backend"):
        (endless,) = lines_of(view)
    view.shown.stop()

    assert line.split()[:2] == ["reading", "pages"]
    assert (line.split()[-2], endless[:17]) == ("2/7", "resolving backend")
    assert lines_of(view) == []


def test_after_a_phase_there_is_nothing_to_take_away(
    screen: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = TransferBars()

    with view.during("reading pages", 7):
        seen = view.is_shown()

    assert (seen, view.is_shown()) == (True, False)


def test_no_more_lines_are_shown_than_the_screen_holds(
    screen: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "8")
    view = TransferBars()
    view.announced(100)
    for number in range(20):
        view.started(f"a-{number}.tar.gz", 5)

    assert len(lines_of(view)) == 6
    view.shown.stop()


def test_a_wait_is_told_above_the_bars_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with TransferBars() as view:
        view.announced(0)
        view.delayed("http://index/[b]: refused\x1b[2J; trying again in 2 s (1 of 5)")

    assert r"http://index/[b]: refused\x1b[2J; trying again in 2 s (1 of 5)" in capsys.readouterr().err
