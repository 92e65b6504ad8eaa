"""Python and the packages that c1c2nav needs."""

import platform
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata

from nav.core.childprocess import run
from nav.doctor.check import Check
from nav.doctor.libraries import library_advice

PYTHON = (3, 11)
MODULES = {  # what to import where the package alone proves little
    "pillow": "PIL.Image",
    "pyside6-essentials": "PySide6.QtWidgets",
}


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> list[Check]:
    """Check Python's version.

    Parameters
    ----------
    version : tuple of two ints
        By default that of this interpreter.

    Returns
    -------
    list of Check
        One.
    """
    text = f"{platform.python_version()} ({sys.executable})"
    if version < PYTHON:
        least = ".".join(map(str, PYTHON))
        return [Check("python", "fail", text, f"install Python {least} or newer")]
    return [Check("python", "ok", text)]


def check_packages() -> list[Check]:
    """Check the versions of all packages that c1c2nav needs, and whether each can be imported.

    Returns
    -------
    list of Check
        One for all that are well, and one for each other.
    """
    try:
        needs = [_requirement(r) for r in metadata.requires("c1c2nav") or () if "extra" not in r]
    except metadata.PackageNotFoundError:
        return [Check("packages", "warn", "c1c2nav is not installed", "run make, or pip install .")]
    installed = _modules()
    modules = {name: installed.get(_normal(name), _normal(name)) for name, _ in needs}
    problems = {m: why for m, why in _imports(list(modules.values())) if why}
    checks, well = [], []
    for name, least in needs:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            checks.append(Check(name, "fail", "is missing", f"pip install '{name}>={least}'"))
            continue
        if _numbers(version) < _numbers(least):
            text = f"{version} is too old"
            checks.append(Check(name, "fail", text, f"pip install '{name}>={least}'"))
        elif why := problems.get(modules[name]):
            checks.append(Check(name, "fail", f"{version}: {why}", library_advice(why) or AGAIN))
        else:
            well.append(f"{name} {version}")
    own = f"c1c2nav {metadata.version('c1c2nav')}"
    return [Check("packages", "ok", ", ".join([own, *well])), *checks]


def _requirement(text: str) -> tuple[str, str]:
    """Return name and least version, empty if there is none."""
    name = re.match(r"[A-Za-z0-9._-]+", text)
    least = re.search(r">=\s*([0-9.]+)", text)
    return (name[0] if name else text), (least[1] if least else "")


def _normal(distribution: str) -> str:
    return distribution.lower().replace("-", "_").replace(".", "_")


def _modules() -> dict[str, str]:
    """Return for each installed distribution, by normalized name, the module to import."""
    modules: dict[str, str] = {}
    for module, distributions in sorted(metadata.packages_distributions().items()):
        if module.isidentifier() and not module.startswith("_"):
            for name in map(_normal, distributions):
                if modules.get(name) != name:  # of several, the one named like the distribution
                    modules[name] = module if module == name else modules.get(name, module)
    return modules | {_normal(name): module for name, module in MODULES.items()}


def _numbers(version: str) -> tuple[int, ...]:
    """Return release numbers without trailing zeros: 2.0 is 2."""
    numbers = [int(n) for n in re.findall(r"[0-9]+", re.split(r"[^0-9.]", version)[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


AGAIN = "install it again: remove .venv and run make, or pip install --force-reinstall"
IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    print(name, flush=True)
    try:
        importlib.import_module(name)
        print(flush=True)
    except Exception as error:
        print(' '.join(f'{type(error).__name__}: {error}'.split()), flush=True)
"""


def _imports(modules: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each module with why it cannot be imported, empty if it can."""
    left = list(modules)
    while left:
        code, out, _ = run([sys.executable, "-c", IMPORTS, *left])
        lines = out.splitlines()
        yield from zip(lines[0::2], lines[1::2], strict=False)
        answered = len(lines) // 2
        if answered < len(left):  # it crashed the process; continue after it
            why = "does not finish loading" if code is None else f"crashes on loading (exit {code})"
            yield left[answered], why
        left = left[answered + 1 :]
