"""Check that a neck is possible: ranges, posture, room for everything."""

from __future__ import annotations

from phantoms.anatomy import artery_models, thecal_sac
from phantoms.anatomy.bone_poses import BonePoses, bone_poses
from phantoms.anatomy.described import check_ranges
from phantoms.anatomy.parameters import AnatomyParameters


def check_possible(p: AnatomyParameters) -> BonePoses:
    """Check that the parameters are possible together.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    BonePoses
        Where its bones lie.

    Raises
    ------
    InputError
        A parameter out of its range, or an impossible combination: which, and why.
    """
    check_ranges(p)
    artery_models.check_possible(p)
    thecal_sac.check_possible(p)
    poses = bone_poses(p)
    artery_models.vessels(p, poses)  # with the sac: whether all of it has room between these bones
    return poses
