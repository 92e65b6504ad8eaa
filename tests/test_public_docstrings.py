"""Every public name says its parameters, what it returns, units and frames: by numpydoc."""

import ast
import inspect
import re
from pathlib import Path

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


ROOT = Path(__file__).parents[1]
# their help is made of it
COMMANDS = {"calibration_commands.py", "print_commands.py", "phantom_commands.py", "cli.py"}


def described_parameters(text):
    """Names in a docstring's section of parameters."""
    section = re.search(r"\nParameters\n-+\n(.*?)(?=\n\n|\Z)", text, re.DOTALL)
    heads = re.findall(r"^(?! )([\w*, ]+?)(?: :|$)", section[1] if section else "", re.MULTILINE)
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def undocumented(path):
    """Public functions of a module that lack a parameter, or a section for what they return."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        text = ast.get_docstring(node) or ""
        nothing = isinstance(node.returns, ast.Constant) and node.returns.value is None
        taken = {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
        others = {a.arg for a in (node.args.vararg, node.args.kwarg) if a is not None}
        described = described_parameters(text)
        if path.name.endswith("_commands.py"):  # options that commands share describe themselves
            taken &= described
        if taken - described or described - taken - others:
            yield f"{path.relative_to(ROOT)}: {node.name}: Parameters {taken ^ described}"
        if (
            node.returns is not None
            and not nothing
            and not re.search(r"(Returns|Yields)\n---", text)
        ):
            yield f"{path.relative_to(ROOT)}: {node.name}: Returns"


def test_public_functions_of_all_modules_are_documented():
    paths = [p for name in ("nav", "calibration", "phantoms") for p in (ROOT / name).rglob("*.py")]
    assert len(paths) > 400
    assert [line for p in paths if p.name not in COMMANDS for line in undocumented(p)] == []
