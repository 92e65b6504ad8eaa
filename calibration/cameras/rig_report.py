"""The calibration of a rig in words."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from calibration.cameras.rig_calibration import UNVERIFIED, RigCalibration
from calibration.cameras.rig_verdict import where


def print_calibration(console: Console, result: RigCalibration, output: Path) -> None:
    """Print the calibration's table, advice and notes, and where it was written.

    Parameters
    ----------
    console : Console
        Where they are printed.
    result : RigCalibration
        The calibration.
    output : Path
        The rig.toml that was written.
    """
    table = Table(box=None, pad_edge=False)
    for heading in (
        "camera",
        "views",
        "rms px",
        "held out",
        "lens",
        "focal px",
        "direction ± px",
        "verdict",
    ):
        table.add_column(heading)
    found, gathered = result.found, result.gathered
    fit = found.fit
    for k, (name, verdict) in enumerate(zip(gathered.cameras, found.verdicts, strict=True)):
        at = fit.unknowns.lens[k].start
        table.add_row(
            name,
            str(verdict.views),
            f"{found.rms[k]:.3f}",
            f"{verdict.held_out:.3f}",
            fit.models[k],
            f"{fit.setup.lenses[k].pinhole[0]:.2f} ± {np.sqrt(fit.covariance[at, at]):.2f}",
            f"{verdict.pixels:.3f}",
            verdict.word,
        )
    console.print(table)
    for line in (*advice(result), *notes(result)):
        console.print(line)
    console.print(f"{output} and {output.with_suffix('.png').name}: {found.word}")


def advice(result: RigCalibration) -> list[str]:
    """List what could be done better, a line per camera.

    Parameters
    ----------
    result : RigCalibration
        The calibration.

    Returns
    -------
    list of str
        Sentences.
    """
    return [
        f"{name}: {'; '.join(verdict.advice)}"
        for name, verdict in zip(result.gathered.cameras, result.found.verdicts, strict=True)
        if verdict.advice
    ]


def notes(result: RigCalibration) -> list[str]:
    """List what else a person should know.

    Parameters
    ----------
    result : RigCalibration
        The calibration.

    Returns
    -------
    list of str
        Sentences.
    """
    found, gathered = result.found, result.gathered
    lines = []
    left = [gathered.name(s.camera, s.instant) for s in found.chosen.left_out]
    if left:
        lines.append(f"left out because they do not fit: {', '.join(left)}")
    if found.repeats:
        again = ", ".join(gathered.instants[k] for k in found.repeats)
        lines.append(f"not counted, as the board is where it was in an earlier image: {again}")
    for k, change in enumerate(found.chosen.focus):
        if change is not None:
            name, much = gathered.cameras[k], f"{100 * change.share:+.2g} %"
            when = (
                "little by little"
                if change.after is None
                else f"after {gathered.name(k, change.after)}"
            )
            lines.append(f"{name}: the focal length changed by {much} {when}; the last one is kept")
    if gathered.damaged:
        lines.append(f"cannot be read: {', '.join(gathered.damaged)}")
    for name, verdict in zip(gathered.cameras, found.verdicts, strict=True):
        if verdict.unreached and verdict.beyond is not None:
            lines.append(
                f"{name}: the board was never {where(verdict.unreached)}; the lens there is "
                f"extrapolated (± {verdict.beyond:.2f} px if the lens model holds there)"
            )
    if found.bow > 0.0:
        assert found.flat_rms is not None
        lines.append(
            f"the board is bowed by {found.bow:.2f} mm; that is taken into account (taken "
            f"as flat, corners would be off by {found.flat_rms.max():.3f} instead of "
            f"{found.rms.max():.3f} px)"
        )
    if found.volume is not None:
        lines.append(
            f"within 60 mm of where the board was, points are accurate to "
            f"{found.volume:.4f} mm rms, apart from the scale"
        )
    lines.append(f"scale by {result.scale.words}" if result.scale.words else UNVERIFIED)
    return lines
