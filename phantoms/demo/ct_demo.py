"""A neck's CT with markers on its skin, reconstructed and planned on, as in a lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from scipy.spatial.transform import RigidTransform

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.model.case import Case
from nav.model.surface import Surface
from nav.planning.plan_command import PlanOptions, plan_case
from nav.progress_bar import progress_bar
from nav.reconstruction.reconstruct_command import reconstruct_scan
from phantoms.anatomy.draw import random_parameters
from phantoms.anatomy.standard_neck import Anatomy, standard_anatomy
from phantoms.twin.ct_write import write_volume
from phantoms.twin.scan import STEPS, Scan, simulate_scan
from phantoms.twin.scan_draw import draw_scan
from phantoms.twin.scan_markers import Marker, skin_markers, touched, whole_neck

SAME = 2.0  # mm: a marker that was found nearer than this to a true one is that one


@dataclass(frozen=True)
class ScannedNeck:
    """A random neck with markers on its skin, and its CT.

    Parameters
    ----------
    anatomy : Anatomy
        Its frame is the world's model frame.
    markers : tuple of Marker
        As they are glued on, that frame.
    scan : Scan
        Volume and ground truth, in the scan's frame, which is the case's.
    """

    anatomy: Anatomy
    markers: tuple[Marker, ...]
    scan: Scan

    @property
    def case_from_model(self) -> RigidTransform:
        """Transform from the anatomy's frame to the scan's."""
        return self.scan.truth.scan_from_anatomy

    def labelled(self, case: Case) -> dict[str, Marker]:
        """Return which marker each label of a case belongs to: what a person sees on the neck.

        Raises
        ------
        InputError
            A fiducial where no marker is.
        """
        places = self.case_from_model.apply(np.array([m.position for m in self.markers]))
        found = {}
        for fiducial in case.fiducials:
            off = np.linalg.norm(places - fiducial.position, axis=1)
            nearest = int(off.argmin())
            if off[nearest] > SAME:
                raise InputError(
                    f"{case.name}: fiducial {fiducial.label} lies {off[nearest]:.1f} mm from every "
                    "marker of the simulated neck"
                )
            found[fiducial.label] = self.markers[nearest]
        return found

    def surfaces(self) -> dict[str, Surface]:
        """Return the true surfaces by name, case's frame."""
        return {s.name: Surface(s.vertices, s.triangles) for s in self.scan.truth.structures}


def scan_neck(
    seed: int, hard: bool = False, progress: Callable[[str], None] | None = None
) -> ScannedNeck:
    """Draw a neck, glue markers to it and simulate its CT; the same seed gives the same.

    Parameters
    ----------
    seed : int
        Of neck, markers and scan.
    hard : bool, optional
        A scan of the hard set, else of the standard one. Its field of view is made as large as a
        scan for navigation needs: the whole neck, with the markers.
    progress : callable, optional
        Called with each step's name, see `phantoms.twin.scan.STEPS`.

    Returns
    -------
    ScannedNeck
        Neck, markers and CT.
    """
    parameters = random_parameters(seed)
    anatomy = standard_anatomy(parameters, f"neck {seed}")
    markers = skin_markers(parameters, seed)
    scan = simulate_scan(anatomy, whole_neck(draw_scan(seed, hard)), progress, markers=markers)
    return ScannedNeck(anatomy, markers, scan)


def world_anatomy(neck: ScannedNeck, case: Case) -> tuple[Anatomy, Mapping[str, Array]]:
    """Return the neck as it lies in the simulated room, and the outward axis of each marker.

    Parameters
    ----------
    neck : ScannedNeck
        The neck.
    case : Case
        The case that was reconstructed from its scan.

    Returns
    -------
    anatomy : Anatomy
        Its fiducials are the markers under the labels of the case.
    axes : mapping of str to ndarray, shape (3,)
        By label, anatomy's frame.

    Raises
    ------
    InputError
        A fiducial of the case is where no marker is.
    """
    from phantoms.kit.kit_case import phantom_case

    labelled = neck.labelled(case)
    lying = phantom_case(neck.anatomy.parameters, name=neck.anatomy.name)
    fiducials = touched(list(labelled.values()), list(labelled))
    return replace(lying, fiducials=fiducials), {k: m.axis for k, m in labelled.items()}


def prepared_neck(folder: Path, seed: int, console: Console) -> ScannedNeck:
    """Scan a random neck, reconstruct it and plan on it, as a user would, in a folder.

    Writes scan.nii.gz, reconstruction/ and case/, which holds the plans.

    Parameters
    ----------
    folder : Path
        Folder to write to.
    seed : int
        Of neck, markers and scan.
    console : Console
        Where progress is shown.

    Returns
    -------
    ScannedNeck
        Neck, markers and CT.

    Raises
    ------
    InputError
        The reconstruction found no contrast or no markers: another neck has to be taken.
    NothingSafe
        The neck has no safe path.
    """
    with progress_bar(console) as bar:
        task = bar.add_task("a neck and its CT", total=len(STEPS) + 1, note="")
        neck = scan_neck(seed, progress=lambda step: bar.update(task, advance=1, note=step))
        bar.update(task, completed=len(STEPS) + 1)
    volume = neck.scan.volume
    path = folder / "scan.nii.gz"
    write_volume(path, volume.values, volume.origin, volume.spacing)
    case = reconstruct_scan(path, folder / "reconstruction", None, "reconstruction", console)
    plan_case(case, folder / "case", PlanOptions(pictures=True), console)
    return neck
