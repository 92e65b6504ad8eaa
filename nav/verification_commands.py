"""`nav verify`: loads what it needs only when it runs."""

from pathlib import Path
from typing import Annotated

from nav.core.errors import InputError
from nav.core.filekinds import SUMMARY
from nav.options import (
    IgtlNames,
    InputPath,
    Output,
    PositionSd,
    RotationSdDeg,
)
from nav.terminal import console


def verify(
    *,
    case: InputPath,
    registration: InputPath,
    touched: InputPath,
    limit: float | None = None,
    tre: float | None = None,
    fle: float | None = None,
    tool: InputPath | None = None,
    reference_file: InputPath | None = None,
    hold: float = 0.5,
    position_sd: PositionSd = None,
    rotation_sd_deg: RotationSdDeg = None,
    output: Annotated[Path | None, Output(SUMMARY)] = None,
    igtl_name: IgtlNames = None,
) -> None:
    """Verify a registration by check points that it was not made from: pass, fail, or too few.

    Exit code 0: pass. 1: fail, the check points are not as predicted, or one is beyond --limit.
    5: too few to tell, nothing is wrong but an error that matters might have been missed.

    Parameters
    ----------
    case
        case.toml that was registered.
    registration
        registration.toml to verify.
    touched
        Touched check points in the reference body's frame, labelled as in the case: CSV
        (label,x,y,z) or Slicer Markups (.mrk.json). With --tool, poses (poses.csv, a
        session's folder, a MetaIO sequence, or igtl://HOST:PORT: another tracker, recorded until
        Ctrl-C): where the tip was held still it touched the fiducial that is nearest there.
        Fiducials that were registered with are not counted.
    limit
        A check point further off than this fails, mm; without it only the predicted error counts.
    tre
        Error at target, arteries and cord that must not be missed, mm; 2 by default.
    fle
        Fiducial localisation error of these touches, mm, one standard deviation per axis; by
        default that of the registration.
    tool
        Tool file with the tip, where --touched holds poses.
    reference_file
        Tool file of the reference body in whose frame the points are: another one is refused. Its
        name in the poses; `reference` without it.
    hold
        Shortest touch in poses, s.
    output
        Also write the result as JSON, whatever the verdict.
    """
    from nav.record.recorded_poses import stated_errors
    from nav.registration.touch_source import DwellSettings, find_touches
    from nav.registration.verify_command import verify_files
    from nav.touch_input import load_tip_series, recorded_touches

    dwells, stated = None, stated_errors(position_sd, rotation_sd_deg)
    if tool is None and stated is not None:
        raise InputError("--position-sd: applies to poses; give their --tool too")
    beside, names = output or Path("verification.json"), igtl_name or ()
    touched = recorded_touches(touched, console(), tool, reference_file, beside, stated, names)
    if tool is not None:
        series = load_tip_series(touched, tool, reference_file, stated)
        dwells = find_touches(series, DwellSettings(hold=hold))
    verify_files(
        case, registration, touched, console(), output, limit, tre, fle, reference_file, dwells
    )
