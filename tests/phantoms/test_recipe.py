"""Necks by name, by number and by chance."""

from dataclasses import replace

import numpy as np
import pytest
import tomli_w

from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.reconstruction.printed.kitfile import KIT_FORMAT
from phantoms.anatomy.body_size import of_size
from phantoms.anatomy.described import check_ranges, described, value_of
from phantoms.anatomy.draw import drawn, random_parameters
from phantoms.anatomy.parameters import AnatomyParameters, ArteryParameters
from phantoms.anatomy.validate_neck import check_possible
from phantoms.anatomy.variants import VARIANTS, preset
from phantoms.recipe import Recipe, named_recipe, parameter_table, random_recipe, with_values

DRAWS = 150


@pytest.fixture(scope="module")
def draws():
    rng = np.random.default_rng(5)
    return [drawn(rng) for _ in range(DRAWS)]


@pytest.mark.parametrize("parameter", [d for d in described() if d.measure], ids=lambda d: d.name)
def test_a_number_out_of_its_range_is_refused_by_name(parameter):
    values = [parameter.measure.low - 0.01, parameter.measure.high + 0.01, float("nan")]
    assert np.all(np.asarray(parameter.default) >= parameter.measure.low)
    for value in values:
        p = with_values(AnatomyParameters(), {parameter.name: value})
        with pytest.raises(InputError, match=rf"^{parameter.name}: expected .* to .*, got"):
            check_ranges(p)


@pytest.mark.parametrize("owner", [AnatomyParameters, ArteryParameters])
def test_help_gives_unit_default_range_and_source_of_each(owner):
    for d in described():
        name = d.name.rpartition(".")[2]
        if ("." in d.name) != (owner is ArteryParameters):
            continue
        assert f"{name} : {d.default}" in owner.__doc__
        assert d.source in owner.__doc__
        if d.measure:
            assert f"{d.measure.unit}, {d.measure.low:g} to {d.measure.high:g}" in owner.__doc__


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_possible(name):
    p = preset(f"{name}:right" if VARIANTS[name].sided else name)
    assert p != AnatomyParameters()
    check_possible(p)


def test_sides_of_a_variant():
    left, right, both = (preset(f"fenestrated{s}") for s in ("", ":right", ":both"))
    assert (left.artery_left.course, left.artery_right.course) == ("fenestrated", "normal")
    assert (right.artery_left.course, right.artery_right.course) == ("normal", "fenestrated")
    assert both.artery_left == both.artery_right == left.artery_left


def test_variants_add_up():
    p = preset("female+narrow-gap+low-pica:right")
    assert p.c1_width == of_size("female").c1_width
    assert p.window_height == 7.0
    assert p.artery_right.pica == "low"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("giraffe", "'giraffe' is not known; there are standard, female"),
        ("female:left", "female has no side"),
        ("fenestrated:up", "expected left, right or both, got 'up'"),
        ("fenestrated:", "'fenestrated:' lacks its side"),
        ("male+standard:", "'standard:' lacks its side"),
        ("", "'' is not known"),
    ],
)
def test_an_unknown_preset_is_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        preset(text)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hypoplastic:both", "artery"),
        ("intersegmental+ponticulus", "ponticulus"),
    ],
)
def test_what_cannot_be_together_is_refused_with_the_reason(name, reason):
    with pytest.raises(InputError, match=reason):
        check_possible(preset(name))


def test_sexes_differ_as_published():
    """Sagittal measures 1.10 times, areas of the cord 74.9 and 69.9, necks 125 and 115."""
    woman, man = of_size("female"), of_size("male")
    assert man.c1_canal_ap / woman.c1_canal_ap == pytest.approx(1.10, abs=0.01)
    areas = [p.cord_ap[1] * p.cord_width[1] for p in (woman, man)]
    assert areas[1] / areas[0] == pytest.approx(74.9 / 69.9, rel=0.05)
    assert (woman.neck_width, man.neck_width) == pytest.approx((115, 125), abs=0.5)
    assert of_size("female", 1755).c1_canal_ap > woman.c1_canal_ap
    for sex, height in (("female", 10.0), ("male", 12.0)):
        assert of_size(sex).window_height == pytest.approx(height, abs=0.2)


@pytest.mark.parametrize(("sex", "stature"), [("other", None), ("", None), ("female", 900.0)])
def test_a_size_that_is_none_is_refused(sex, stature):
    with pytest.raises(InputError, match="expected"):
        of_size(sex, stature)
    with pytest.raises(InputError, match="expected"):
        named_recipe(sex=sex, stature=stature)


# By number


def test_settings_change_one_number_or_all_levels():
    recipe = named_recipe("standard", settings=["window_height=9", "sac_ap=14", "c1_rotation=-5"])
    assert recipe.parameters.window_height == 9.0
    assert recipe.parameters.sac_ap == (14.0,) * 5
    assert recipe.parameters.c1_rotation == -5.0
    assert recipe.name == "standard, changed"


def test_settings_reach_into_an_artery():
    p = named_recipe("standard", settings=["artery_left.course=intersegmental"]).parameters
    assert p.artery_left.course == "intersegmental"
    assert p.artery_right.course == "normal"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("window_height", "expected NAME=VALUE"),
        ("=3", "--set =3: expected NAME=VALUE"),
        ("window_height=", "--set window_height=: expected NAME=VALUE"),
        ("windowheight=9", "windowheight: no such parameter"),
        ("window_height=high", "window_height: expected a number, got 'high'"),
        ("window_height=9,10", "window_height: expected one number, got 2"),
    ],
)
def test_a_wrong_setting_is_refused(setting, reason):
    with pytest.raises(InputError, match=reason):
        named_recipe("standard", settings=[setting])


def test_a_number_where_a_word_is_expected_is_shown_as_it_was_given():
    p = named_recipe(settings=["artery_left.course=3"]).parameters
    with pytest.raises(InputError, match=r"artery_left\.course: expected one of .*, got '3'"):
        check_ranges(p)


@pytest.fixture
def whole_file(tmp_path):
    """A file that sets every parameter, and the neck it is of."""
    p = random_parameters(3)
    path = tmp_path / "kit.toml"
    path.write_text(tomli_w.dumps({"parameters": parameter_table(p)}))
    return path, p


def test_a_file_of_parameters_gives_the_same_neck_and_names_it(whole_file):
    path, p = whole_file
    assert named_recipe(file=path) == Recipe("from kit.toml", p)
    changed = named_recipe(settings=["window_height=9"], file=path)
    assert changed == Recipe("from kit.toml, changed", replace(p, window_height=9.0))


@pytest.mark.parametrize("more", [{"preset_text": "male"}, {"sex": "male"}, {"stature": 1800.0}])
def test_what_a_file_would_overrule_is_refused(whole_file, more):
    path, _ = whole_file
    with pytest.raises(InputError, match=r"kit\.toml: sets every parameter; leave out --preset"):
        named_recipe(file=path, **more)


def test_a_file_of_some_parameters_changes_a_preset(tmp_path):
    write_toml(tmp_path / "p.toml", {"format": KIT_FORMAT, "window_height": 9})  # flat
    recipe = named_recipe("low-pica", file=tmp_path / "p.toml")
    assert recipe.name == "low-pica, changed"
    assert recipe.parameters == replace(preset("low-pica"), window_height=9.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = [", "not valid TOML"),
        ("parameters = 3", "parameters: expected a table"),
        ('format = "c1c2nav/kit/2"', "format: expected \"c1c2nav/kit/1\", got 'c1c2nav/kit/2'"),
        ('format = "c1c2nav/case/1"\nwindow_height = 9', 'format: expected "c1c2nav/kit/1"'),
        ("format = 1", "format: expected"),
        ("windowheight = 9", "windowheight: no such parameter"),
        ("window_height = 99", "window_height: expected 6 to 17 mm, got 99"),
        ('window_height = "9"', "window_height: expected a number, got '9'"),
        ("artery_left.course = 3", "artery_left.course: expected a word, got 3"),
        ("[artery_left]\npica = 'up'", "artery_left.pica: expected one of"),
        ("sac_ap = [14, 15]", "sac_ap: expected 5 numbers, got 2"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path, text, reason):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        named_recipe(file=path)
    assert str(caught.value).startswith(f"{path}: {reason}")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        named_recipe(file=tmp_path / "none.toml")


# By chance


def test_the_same_seed_gives_the_same_possible_neck_and_others_do_not(draws):
    p = random_recipe(7).parameters
    assert random_parameters(7) == p
    assert random_parameters(8) != p
    check_possible(p)
    assert len(set(map(repr, draws))) == len(draws)


def test_random_necks_spread_as_published(draws):
    """Standard deviations of bones about 8 %, cord 6.5 %, sac 10 %; means near the defaults."""
    standard = AnatomyParameters()
    for name, spread in (("c1_width", 0.08), ("c2_lamina_height", 0.08), ("dens_ap", 0.08)):
        values = np.array([value_of(p, name) for p in draws]) / value_of(standard, name)
        assert values.mean() == pytest.approx(1.0, abs=0.04), name
        assert 0.5 * spread < values.std() < 1.3 * spread, name
    for name, spread in (("cord_ap", 0.065), ("sac_ap", 0.10)):
        values = np.array([value_of(p, name)[1] for p in draws]) / value_of(standard, name)[1]
        assert values.mean() == pytest.approx(1.0, abs=0.04), name
        assert 0.4 * spread < values.std() < 1.3 * spread, name


def test_arteries_are_tubes_that_exist_and_not_alike_in_all(draws):
    sides = [p.artery(side) for p in draws for side in ("left", "right")]
    assert {a.diameter for a in sides} <= {2.0, 3.0, 4.0, 5.0}
    assert len({a.diameter for a in sides}) >= 3
    assert 0.25 < np.mean([a.loop > 0 for a in sides]) < 0.75


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match="--seed: expected 0 or more"):
        random_parameters(-1)


def test_parameters_are_values():
    p = AnatomyParameters()
    assert replace(p, artery_left=ArteryParameters(diameter=3.0)) != p
