"""A role in the table of gauges has a gauge and a chart, with nothing else changed."""

from dataclasses import replace
from itertools import pairwise

import pytest

from nav.live.publish import chart_sample
from nav.view import live_state, live_window, window_layout
from nav.view.live_display import GAUGE_ROLES
from tests.view.window_scripts import Script

ROLES = (*GAUGE_ROLES, "dura")


def test_a_role_added_to_the_table_has_a_gauge_and_a_chart(monkeypatch, qtbot, case, needle, feed):
    for module in (live_state, live_window, window_layout):
        monkeypatch.setattr(module, "GAUGE_ROLES", ROLES)
    limited = (replace(s, caution=4.0, danger=2.0) for s in case.structures if s.role == "dura")
    others = (s for s in case.structures if s.role != "dura")
    case = replace(case, structures=(*others, *limited))
    window = live_window.LiveWindow(case, feed, needle, clock=lambda: 100.0)
    window.timer.stop()
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    update = Script(case).update(100.0, (12.0, 7.5, 0.0))  # 14.2 mm from the middle of the cord
    feed.waiting.append(replace(update, samples=(chart_sample(update.guidance, 100.0),)))
    window.poll()
    shown = {role: gauge.state.value for role, gauge in window.gauges.items()}
    assert tuple(shown) == ROLES
    assert (shown["cord"], shown["dura"]) == ("9.2", "4.2")
    window.strip.show_history(100.0, must=True)
    assert window.strip.lines["dura"][0].getData()[1][0] == pytest.approx(4.15, abs=0.1)
    boxes = [gauge.geometry() for gauge in window.gauges.values()]
    assert all(below.top() > above.bottom() for above, below in pairwise(boxes))
