"""The process that draws the anatomy: what it draws, and that nobody waits for it."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from nav.view.render_process import OwnDrawing, ProcessDrawing, Wanted
from nav.view.viewpoints import STANDARD, VIEWPOINTS, viewpoint

SIZE = (320, 240)


@pytest.fixture(scope="module")
def drawing():
    from tests.view.window_scripts import simple_case

    drawing = ProcessDrawing(simple_case())
    yield drawing
    drawing.close()


def test_another_process_draws_the_same(drawing, case):
    wanted = Wanted(viewpoint(STANDARD, case, None), *SIZE)
    drawing.ask(wanted)
    there = drawing.finish()
    own = OwnDrawing(case)
    own.ask(wanted)
    here = own.finish()
    own.close()
    assert np.array_equal(there.image, here.image)
    assert np.array_equal(there.solid, here.solid)
    assert there.image.std() > 10


def test_only_the_last_of_many_views_is_drawn_finely(drawing, case):
    views = [viewpoint(name, case, None) for name in VIEWPOINTS[:4]]
    began = time.monotonic()
    for view in views:
        drawing.ask(Wanted(view, *SIZE))
    asking = time.monotonic() - began
    last = drawing.finish()
    assert not last.view.differs(views[-1])
    assert asking < time.monotonic() - began  # asking waits for nothing
    assert drawing.newest() is None


def test_a_process_that_dies_is_started_again(drawing, case):
    drawing.process.kill()
    drawing.process.join(10.0)
    drawing.ask(Wanted(viewpoint("left", case, None), *SIZE))
    assert drawing.finish() is not None


@pytest.mark.parametrize("problem", ["", "the 3D view cannot be drawn here"])
def test_a_view_that_is_not_drawn_yet_says_so(qapp, case, problem):
    from nav.view.scene_widget import SceneWidget

    nothing = SimpleNamespace(
        problem=problem, ask=lambda wanted: None, newest=lambda: None, close=lambda: None
    )
    view = SceneWidget(case, 1.5, 90.0, drawing=nothing)
    view.resize(*SIZE)
    view.work()
    assert view.waiting == (problem or "The anatomy is being drawn")
    picture = view.grab().toImage()
    colours = {picture.pixel(x, y) for x in range(SIZE[0]) for y in range(SIZE[1])}
    assert len(colours) > 2
