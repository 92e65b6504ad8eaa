"""Every public name says its parameters, what it returns, units and frames: by numpydoc."""

import inspect

import pytest
from numpydoc.validate import validate

import nav

# no docstring; parameters that are missing, too many, out of order, without type or description;
# no Returns; summaries that are missing, without a full stop or in the third person
CHECKED = {"GL08", "PR01", "PR02", "PR03", "PR04", "PR07", "RT01", "RT03", "SS01", "SS02", "SS03",
           "SS05", "YD01"}  # fmt: skip


def public():
    for name in nav.__all__:
        value = getattr(nav, name)
        if isinstance(value, str):
            continue
        yield name
        if inspect.isclass(value):
            for member, found in vars(value).items():
                if not member.startswith("_") and (
                    inspect.isfunction(found) or isinstance(found, property)
                ):
                    yield f"{name}.{member}"


@pytest.mark.parametrize("name", list(public()))
def test_a_public_name_is_documented(name):
    errors = validate(f"nav.{name}")["errors"]
    assert [f"{code} {words}" for code, words in errors if code in CHECKED] == []
