"""How young a number must be to be shown, by how late the window looks."""

import pytest

from nav.view.pace import MEMORY, OLDEST, STALE_AFTER, Pace


def looked(*times: float) -> Pace:
    pace = Pace()
    for time in times:
        pace.look(time)
    return pace


def test_a_prompt_window_shows_what_is_not_stale():
    assert looked(*(k * 0.033 for k in range(60))).stale_after == STALE_AFTER


@pytest.mark.parametrize("late", [0.1, 0.15, 0.2])
def test_what_a_late_window_shows_is_gone_before_it_is_too_old(late):
    pace = looked(0.0, 0.033, 0.033 + late)
    # found too old one look later, off the screen after another
    assert pace.stale_after + 2 * late <= OLDEST + 1e-9


def test_a_window_that_looks_once_a_second_shows_nothing():
    assert looked(0.0, 1.0, 2.0).stale_after == 0.0


def test_lateness_is_forgotten():
    pace = looked(0.0, 0.5, *(0.5 + k * 0.033 for k in range(1, round(MEMORY / 0.033) + 3)))
    assert pace.stale_after == STALE_AFTER
