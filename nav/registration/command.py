"""`nav register`: touched fiducials in a file in, registration.toml out."""

from pathlib import Path

import numpy as np
from rich.console import Console

import nav
from nav.errors import InputError
from nav.model.case import load_case
from nav.registration.pointfile import load_points
from nav.registration.points import register_points
from nav.registration.result import write_registration


def register_files(case_path: Path, points: Path, output: Path, fle: float, out: Console) -> None:
    """Register, say how well, write.

    Raises
    ------
    InputError
        A file that is wrong, a touched label that the case has not, too few or collinear points,
        an error that is below 0 or not finite.
    """
    if not (np.isfinite(fle) and fle >= 0):
        raise InputError(f"--fle: expected 0 or more, mm, got {fle}")
    case = load_case(case_path)
    touched = load_points(points)
    known = {fiducial.label: fiducial for fiducial in case.fiducials}
    strange = [label for label in touched if label not in known]
    if strange:
        raise InputError(
            f"{points}: point {strange[0]}: {case_path} has no such fiducial; "
            f"it has {', '.join(known)}"
        )
    used = [label for label in touched if known[label].use == "register"]
    model = np.array([known[label].position for label in used]).reshape(-1, 3)
    registration = register_points(
        model, np.array([touched[label] for label in used]).reshape(-1, 3), fle=fle
    )
    write_registration(output, registration, (case_path, points))
    for label, residual in zip(used, registration.residuals, strict=True):
        out.print(f"{label}: {residual:.2f} mm")
    out.print(f"FRE {registration.fre:.2f} mm (rms of {len(used)} fiducials)")
    if case.default_plan is not None:
        tre = registration.predicted_tre(case.default_plan.target[None])[0]
        out.print(f"predicted TRE at the target of {case.default_plan.name}: {tre:.2f} mm")
    for label, position in touched.items():
        if known[label].use == "check":
            found, _ = registration.model_from_reference.apply(position)
            off = np.linalg.norm(found - known[label].position)
            out.print(f"check point {label}: {off:.2f} mm off")
    out.print(f"{output} ({nav.NOTICE.lower()})")
