"""Names that servers send are matched with tools, in one common frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError
from nav.link.igtl_names import choose_names, parse_names

TOOLS = ("needle", "reference")


@pytest.mark.parametrize(
    ("heard", "named", "base", "names"),
    [
        (["NeedleToTracker", "ReferenceToTracker"], {}, "tracker",
         {"needle": "NeedleToTracker", "reference": "ReferenceToTracker"}),
        (["NeedleToReference"], {}, "reference",
         {"needle": "NeedleToReference", "reference": None}),
        (["NeedleToReference", "NeedleToTracker", "ReferenceToTracker", "ImageToReference"], {},
         "tracker", {"needle": "NeedleToTracker", "reference": "ReferenceToTracker"}),
        (["NeedleToReference", "ReferenceToTracker"], {}, "reference",
         {"needle": "NeedleToReference", "reference": None}),
        (["StylusToTracker", "ReferenceToTracker"], {"needle": "StylusToTracker"}, "tracker",
         {"needle": "StylusToTracker", "reference": "ReferenceToTracker"}),
        (["StylusToTracker", "PhantomToTracker"], {"needle": "Stylus", "reference": "Phantom"},
         "tracker", {"needle": "StylusToTracker", "reference": "PhantomToTracker"}),
        (["StylusToPhantom"], {"needle": "Stylus", "reference": "Phantom"}, "phantom",
         {"needle": "StylusToPhantom", "reference": None}),
        (["needle", "reference"], {}, "tracker", {"needle": "needle", "reference": "reference"}),
        (["Channel 0", "Channel 1"], {"needle": "Channel 0", "reference": "Channel 1"}, "tracker",
         {"needle": "Channel 0", "reference": "Channel 1"}),
        (["NEEDLEToTracker", "Refer-enceToTracker"], {}, "tracker",
         {"needle": "NEEDLEToTracker", "reference": "Refer-enceToTracker"}),
        (["LongNeedleToolToTrac", "ReferenceToTracker"], {"needle": "LongNeedleTool"}, "tracker",
         {"needle": "LongNeedleToolToTrac", "reference": "ReferenceToTracker"}),
    ],
)  # fmt: skip
def test_names_fit(heard, named, base, names):
    choice = choose_names(TOOLS, heard, named)
    assert (choice.base, dict(choice.names)) == (base, names)


@pytest.mark.parametrize(
    "heard",
    [[], ["StylusToTracker", "ReferenceToTracker"], ["NeedleToTracker"], ["ReferenceToTracker"],
     ["NeedleToProbe", "ReferenceToTracker"], ["NeedleTotal", "Reference2"]],
)  # fmt: skip
def test_names_do_not_fit(heard):
    assert choose_names(TOOLS, heard, {}) is None


@pytest.mark.parametrize(
    ("tools", "named"),
    [
        (TOOLS, {"needle": "ReferenceToTracker"}),
        (TOOLS, {"needle": "Stylus", "reference": "StylusToTracker"}),
        (("needle-1", "needle1"), {"needle-1": "Stylus", "needle1": "stylus"}),
    ],
)
def test_what_is_sent_of_one_tool_is_not_taken_for_two(tools, named):
    assert choose_names(tools, ["StylusToTracker", "ReferenceToTracker"], named) is None


@given(st.lists(st.text(max_size=25), max_size=8), st.randoms())
def test_any_names_are_taken_and_their_order_does_not_matter(heard, random):
    heard += ["NeedleToTracker", "ReferenceToTracker"]
    one = choose_names(TOOLS, heard, {})
    random.shuffle(heard)
    assert choose_names(TOOLS, heard, {}) == one
    assert one.base == "tracker"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["needle"], "expected TOOL=NAME"),
        (["needle="], "expected TOOL=NAME"),
        (["drill=A"], "expected one of needle, reference"),
        (["needle=A", "needle=B"], "appears twice"),
        (["needle=A", "reference=A"], "appears twice"),
    ],
)
def test_options_that_say_nothing_are_refused(options, problem):
    with pytest.raises(InputError, match=problem):
        parse_names(options, TOOLS)
    assert parse_names(["needle=Channel 0"], TOOLS) == {"needle": "Channel 0"}
