"""Every notice that the program's sources can make, read from their syntax trees."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("nav", "calibration", "phantoms")
MAKERS = ("Notice", "Lost")  # of a code and a table of facts
LABELS = ("label",)  # of a code alone


@dataclass(frozen=True)
class Made:
    """A notice as a source makes it; `facts` is None where the table is made elsewhere."""

    where: str
    code: str
    facts: frozenset[str] | None


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def made_notices() -> list[Made]:
    """Return every notice with a code that is written out where it is made."""
    found: list[Made] = []
    for path, tree in trees():
        if not _knows_notices(tree):
            continue
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
                tables, codes = _tables(function), _codes(function)
                for call in _own_calls(function):
                    where = f"{path.relative_to(ROOT)}:{call.lineno}"
                    found += _made(call, tables, codes, where)
    return found


def _own_calls(function: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls in a function, without those of the functions inside it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _own_calls(child)


def _knows_notices(tree: ast.Module) -> bool:
    names = {"nav.core.notice", "nav.core.errors", "nav.text.catalogue"}
    return any(isinstance(node, ast.ImportFrom) and node.module in names for node in tree.body)


def _made(
    call: ast.Call, tables: dict[str, frozenset[str]], codes: dict[str, list[str]], where: str
) -> Iterator[Made]:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "_fail":  # of a live camera
        named = frozenset(word.arg for word in call.keywords if word.arg) | {"camera", "device"}
        yield from (Made(where, code, named) for code in _strings(call.args[1]))
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in (*MAKERS, *LABELS) or not call.args:
        return
    known = codes.get(call.args[0].id, []) if isinstance(call.args[0], ast.Name) else []
    for code in [*_strings(call.args[0]), *known]:
        if name in LABELS or len(call.args) == 1:
            yield Made(where, code, frozenset())
        else:
            yield Made(where, code, _keys(call.args[1], tables))


def _strings(node: ast.AST) -> list[str]:
    """Return what a code may be: a text, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_strings(node.body), *_strings(node.orelse)]
    return []


def _codes(function: ast.AST) -> dict[str, list[str]]:
    """Return the texts that a function gives a name, alone or first of several."""
    codes: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                target, value = target.elts[0], value.elts[0]
            if isinstance(target, ast.Name):
                codes.setdefault(target.id, []).extend(_strings(value))
    return codes


def _tables(function: ast.AST) -> dict[str, frozenset[str]]:
    """Return the tables that a function names, with the keys that any of them may have."""
    tables: dict[str, frozenset[str]] = {}
    for node in ast.walk(function):
        target: ast.AST | None = None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            target = node.target
        if not isinstance(target, ast.Name):
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                added = frozenset(_strings(target.slice))
                tables[target.value.id] = tables.get(target.value.id, frozenset()) | added
            continue
        keys = _keys(node.value, tables)  # type: ignore[attr-defined]
        if keys is not None:
            tables[target.id] = tables.get(target.id, frozenset()) | keys
    return tables


def _keys(node: ast.AST | None, tables: dict[str, frozenset[str]]) -> frozenset[str] | None:
    if isinstance(node, ast.Name):
        return tables.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return RETURNED.get(node.func.id)
    if not isinstance(node, ast.Dict):
        return None
    keys: set[str] = set()
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = _keys(value, tables)
            if inner is None:
                return None
            keys |= inner
        else:
            keys |= set(_strings(key))
    return frozenset(keys)


# facts that a function of that name returns
RETURNED = {"_check_facts": frozenset({"label", "off_mm", "predicted_mm"})}


def texts_of_sources() -> set[str]:
    """Return every text constant of the sources outside the catalogue's own tables."""
    found = set()
    for path, tree in trees():
        if path.parent.name == "text" and not path.stem.startswith(("catalogue", "template")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found
