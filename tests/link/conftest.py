"""Programs of the OpenIGTLink library in C++, compiled once."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "cpp"
HEADERS = Path("/usr/include/openigtlink")


@pytest.fixture(scope="session")
def cpp_program(tmp_path_factory):
    """Returns a function from a source's stem to the program; skips where it cannot be made."""
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    if not (HEADERS / "igtlTransformMessage.h").exists():
        pytest.skip("no C++ library of OpenIGTLink: apt-get install libopenigtlink-dev")
    folder, made = tmp_path_factory.mktemp("cpp"), {}

    def program(stem: str) -> Path:
        if stem not in made:
            made[stem] = folder / stem
            source = str(SOURCES / f"{stem}.cxx")
            options = ["-w", "-isystem", str(HEADERS), "-o", str(made[stem])]
            libraries = ["-lOpenIGTLink", "-lpthread"]
            subprocess.run([compiler, *options, source, *libraries], check=True)
        return made[stem]

    return program
