"""Is a registration as good as it says? Known truth and published data.

make bench-registration                          # all parts
make bench-registration ARGS="points --quick"    # one part, fewer trials
"""

import argparse
from importlib import import_module
from pathlib import Path

from rich.console import Console

HERE = Path(__file__).parent


def main() -> int:
    """Run the parts that are named, all by default; 1 if any of them misses its target."""
    parts = sorted(p.stem for p in HERE.glob("*.py") if not p.stem.startswith("_"))
    parser = argparse.ArgumentParser(prog="bench-registration", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--quick", action="store_true", help="fewer trials")
    given = parser.parse_args()
    unknown = sorted(set(given.parts) - set(parts))
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there is {', '.join(parts)}")
    console = Console(width=150)
    reached = [
        import_module(f"tests.bench.registration.{part}").run(console, given.quick)
        for part in given.parts or parts
    ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    raise SystemExit(main())
