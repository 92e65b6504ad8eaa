"""`nav study init`: a set-up to start from, with what every number means."""

from pathlib import Path

from nav.accuracy.study.designs import QUANTITIES, STUDY_FORMAT, Quantity
from nav.core.outputs import written_whole

# name and what differs from the default: (key, value) of [[cameras]]
RIGS = (
    ("two webcams", {"count": 2, "width": 1920, "height": 1080, "view": 65, "baseline": 300,
                     "distance": 550, "noise": 3.0, "blur": 1.2, "rate": 30, "calibration": 0.15,
                     "delay": 8, "readout": 5}),
    ("two machine-vision cameras", {"count": 2, "width": 1920, "height": 1200, "view": [55, 70],
                                    "baseline": 350, "distance": 600, "noise": 2.0, "blur": 0.9,
                                    "rate": 60, "calibration": 0.05, "delay": 0, "readout": 0}),
    ("one webcam", {"count": 1, "width": 1920, "height": 1080, "view": 65, "distance": 550,
                    "noise": 3.0, "blur": 1.2, "rate": 30, "calibration": 0.15, "readout": 5}),
)  # fmt: skip
HEAD = f"""format = "{STUDY_FORMAT}"
name = "three rigs"
case = "CASE"  # anatomy, plan and fiducials
seed = 1
trials = 1000  # of each design
view_from = [0, 1, 0]  # from the target to the cameras, model frame: a phantom that lies prone
reference = [-15, 35, 90]  # reference body, mm from the target

# Instead of one value a list: every list is combined with every other.
# Several tables of one section, each with a name, are alternatives.
"""


def write_example(path: Path, case: Path) -> None:
    """Write a set-up of three rigs.

    Parameters
    ----------
    path : Path
        File to write.
    case : Path
        case.toml, as the file shall name it.
    """
    parts = [HEAD.replace('"CASE"', _quoted(case.as_posix()))]
    for name, values in RIGS:
        lines = [f'{key} = {value}  # {QUANTITIES["cameras"][key].about}'
                 for key, value in values.items()]  # fmt: skip
        parts.append("\n".join(["[[cameras]]", f'name = "{name}"', *lines, ""]))
    for section, keys in QUANTITIES.items():
        if section != "cameras":
            lines = [_line(key, known) for key, known in keys.items()]
            parts.append("\n".join([f"[{section}]", *lines, ""]))
    with written_whole(path) as beside:
        beside.write_text("\n".join(parts), encoding="utf-8")


def _line(key: str, known: Quantity) -> str:
    value = _quoted(known.default) if isinstance(known.default, str) else known.default
    return f"{key} = {value}  # {known.about}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
