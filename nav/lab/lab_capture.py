"""Options of `nav record` and `nav touch`, completed from a lab.toml."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from nav.core.errors import InputError, InputErrors
from nav.lab.lab_check import check_lab
from nav.lab.lab_file import LAB_NAME, Lab, LabFile, read_lab
from nav.lab.lab_live import NEEDLE, REFERENCE
from nav.record.recorded_poses import stated_errors
from nav.record_pictures import RecordJob
from nav.touch_command import TouchJob


def lab_in_use(command: str, path: Path | None, without: bool, used: Collection[str]) -> Lab | None:
    """Return a set-up of which a command uses some entries; the others may be wrong.

    Parameters
    ----------
    command : str
        Its name, for messages.
    path : Path or None
        The lab.toml to use; None: that of the current folder, if there is one.
    without : bool
        Use none.
    used : collection of str
        Keys of lab.toml.

    Returns
    -------
    Lab or None

    Raises
    ------
    InputError
        All that is wrong with these entries, or that break the format.
    """
    if without and path is not None:
        raise InputError(f"{command}: give either --lab or --no-lab")
    if without or (path is None and not Path(LAB_NAME).exists()):
        return None
    read = read_lab(path or Path(LAB_NAME))
    unused = LabFile.model_fields.keys() - set(used)
    problems = [*read.problems, *check_lab(read.lab, read.refused, replaced=unused).problems]
    if problems:
        raise InputErrors(
            [*problems, f"{read.lab.path}: fix these, or run {command} with --no-lab"]
        )
    return read.lab


def record_with_lab(
    job: RecordJob, path: Path | None, without: bool
) -> tuple[RecordJob, Lab | None]:
    """Complete the options of `nav record`: cameras and rig of the lab, where none are given.

    Parameters
    ----------
    job : RecordJob
        As the user gave it.
    path : Path or None
        The lab.toml to use; None: that of the current folder, if there is one.
    without : bool
        Use none.

    Returns
    -------
    job : RecordJob
        Complete.
    lab : Lab or None
        The set-up, where it was used.

    Raises
    ------
    InputError
        As of `lab_in_use`; no cameras are given and the set-up has none.
    """
    if job.cameras and path is None:
        return job, None  # other cameras than the lab's: they may have no rig yet
    # sizes that are asked for are not the rig's
    used = {"rig"} if job.rig is None and job.size is None else set()
    lab = lab_in_use("nav record", path, without, used | (set() if job.cameras else {"cameras"}))
    if lab is None:
        return job, None
    if lab.file.tracker is not None and not job.cameras:
        raise InputError(f"{lab.path}: has a tracker and no cameras; give --camera NAME=NUMBER")
    rig = lab.rig if used else job.rig
    return replace(job, cameras=job.cameras or lab.cameras, rig=rig), lab


def touch_with_lab(job: TouchJob, path: Path | None, without: bool) -> tuple[TouchJob, Lab | None]:
    """Complete the options of `nav touch` from a lab.toml; given options override it.

    Parameters
    ----------
    job : TouchJob
        As the user gave it; empty or None where an option was not given.
    path : Path or None
        The lab.toml to use; None: that of the current folder, if there is one.
    without : bool
        Use none.

    Returns
    -------
    job : TouchJob
        Complete.
    lab : Lab or None
        The set-up, where there is one.

    Raises
    ------
    InputError
        As of `lab_in_use`.
    """
    given = {
        "rig": job.rig or job.poses,
        "tools": job.tools,
        "case": job.case,
        "needle": job.needle,
        "reference": job.reference,
        "cameras": job.cameras or job.images or job.poses,
        "tracker": job.cameras or job.images or job.poses,
        "language": None,
    }
    used = {key for key, option in given.items() if not option}
    lab = lab_in_use("nav touch", path, without, used)
    if lab is None:
        needle, reference = job.needle or NEEDLE, job.reference or REFERENCE
        return replace(job, needle=needle, reference=reference), None
    file = lab.file
    tracker = file.tracker if "tracker" in used else None
    job = replace(
        job,
        rig=lab.rig if "rig" in used and tracker is None else job.rig,
        tools=job.tools or lab.tools,
        case=job.case or lab.case,
        needle=job.needle or file.needle,
        reference=job.reference or file.reference,
        cameras=lab.cameras if "cameras" in used else job.cameras,
    )
    if tracker is not None:
        names = job.igtl_names or tuple(f"{tool}={name}" for tool, name in tracker.names.items())
        stated = job.stated or stated_errors(tracker.position_sd, tracker.rotation_sd_deg)
        job = replace(job, poses=Path(tracker.poses), stated=stated, igtl_names=names)
    return job, lab
