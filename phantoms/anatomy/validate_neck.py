"""Whether a neck can be: ranges, posture, what has room in what."""

from __future__ import annotations

from phantoms.anatomy import artery_models, thecal_sac
from phantoms.anatomy.bone_poses import BonePoses, bone_poses
from phantoms.anatomy.described import check_ranges
from phantoms.anatomy.parameters import AnatomyParameters


def check_possible(p: AnatomyParameters) -> BonePoses:
    """Where the bones lie, if the parameters can be together.

    Raises
    ------
    InputError
        A parameter out of its range, or a combination that cannot be: which, and why.
    """
    check_ranges(p)
    artery_models.check_possible(p)
    thecal_sac.check_possible(p)
    poses = bone_poses(p)
    artery_models.vessels(p, poses)  # with the sac: whether all of it has room between these bones
    return poses
