"""Simulate a day of accuracy testing and write its report: the example in the documentation."""

import sys
from pathlib import Path

from rich.console import Console

from nav.accuracy.measure_command import measure
from phantoms.demo.block_day import DaySettings, write_block_day


def main() -> None:
    """Write the day into out/accuracy, or the folder named.

    Poses with errors at five places; with `--images` rendered images, tracked, at the centre.
    """
    names = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    folder = Path(names[0] if names else "out/accuracy")
    console = Console()
    settings = DaySettings()
    if "--images" in sys.argv:
        settings = DaySettings(places=("CL",), still=False, images=True)
    plan = write_block_day(folder, settings, console.print)
    measure(plan, folder / "report", console)


if __name__ == "__main__":
    main()
