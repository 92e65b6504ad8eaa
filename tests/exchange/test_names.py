"""Roles guessed from names, in three languages; what may be something else is not guessed."""

import pytest

from nav.exchange.structure_names import guess_role

KNOWN = {
    "bone": "C1 C2 vertebrae_C3 HWK4 HWK_5 Atlas axis Dens_axis vertebra_C2 C1_smoothed occiput "
    "Os_occipitale Schädel Wirbel_C2 2._Halswirbel skull c3-vertebra C2Model",
    "artery": "vertebral_artery_left VA_L A._vertebralis_links Arteria_vertebralis_dextra "
    "VertebralArteryRight left_vertebral_a. Wirbelarterie_rechts carotid_artery",
    "cord": "cord spinal_cord SpinalCord Rückenmark Medulla_spinalis Myelon",
    "dura": "dura Dura_mater thecal_sac Duralsack",
    "skin": "skin Haut cutis body Körper BodyModel body_trunc",
    "none": "spleen kidney_left vertebrae_T9 vertebrae_L1 lung_upper_lobe_left",
}
UNKNOWN = (
    "Segment_1",
    "Model",
    "disc_C2_C3",
    "C2_nerve_root",
    "vocal_cord",
    "spinal_canal",
    "vertebral_vein",
    "target",
    "C1_and_cord",
    "Atlas_C2",
    "screw_C2",
    "transverse_process_C1",
)


@pytest.mark.parametrize(
    ("name", "role"), [(n, role) for role, names in KNOWN.items() for n in names.split()]
)
def test_role_is_guessed(name, role):
    assert guess_role(name.replace("_", " ")).role == role
    assert guess_role(name).role == role


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_may_be_another_thing_is_asked_for(name):
    assert guess_role(name).role is None


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("atlas", "C1"),
        ("Axis", "C2"),
        ("vertebrae_C3", "C3"),
        ("HWK4", "C4"),
        ("A. vertebralis links", "vertebral artery left"),
        ("VA_R", "vertebral artery right"),
        ("spinal_cord", "spinal_cord"),
    ],
)
def test_names_that_planning_looks_for(name, own):
    assert guess_role(name).name == own
