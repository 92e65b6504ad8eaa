"""The numbers that the anatomy is made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AnatomyParameters:
    """Adult upper cervical spine, mean of women and men; lengths in mm, angles in degrees.

    Each default is followed by its source; 'chosen' means within the published spread, by us.
    AP is antero-posterior. The spinolaminar line runs down the front of the posterior arches.

    C1
    --
    c1_width : 72
        Over the transverse processes. Patel et al., Int J Res Med Sci (71.2, n 100);
        Rekha 2016, IJAR.2016.125 (72.5, n 100).
    c1_canal_ap : 29
        Back of the anterior to front of the posterior arch. Kaur et al. 2017,
        10.16965/ijar.2017.454 (29.9 top, 28.8 bottom, n 50); Patel (28.2).
    c1_canal_width : 27.5
        Widest. Kaur et al. 2017 (26.6 to 26.9); Rekha 2016 (27.4).
    c1_anterior_height : 10.4
        Anterior arch at the midline. Patel (10.2).
    c1_posterior_height : 9.7
        Posterior arch beside the tubercle. Chan et al., Asian Spine J 2021;15(1) (9.8, n 330).
    c1_posterior_thickness : 7.2
        Through the posterior tubercle. Chan et al. 2021 (7.2).
    c1_groove_thickness : 3.9
        Arch under the artery, vertical. Ebraheim, Spine 1998;23:320 (about 4); Patel (4.0 to 4.2).
    c1_foramen_width, c1_foramen_ap : 6.1, 7.7
        Foramen transversarium. Kaur et al. 2023, 10.16965/ijar.2023.143.
    c1_foramen_lateral : 25.8
        Its centre from the midline. Patel, Rekha 2016 (25.1, from margins).

    C2
    --
    dens_ap, dens_width : 10.6, 9.8
        core.ac.uk/works/303973137 (n 52).
    dens_height : 16
        Above the shoulders. Gosavi and Swamy 2012 (14.9, n 100); core.ac.uk/works/303973137 (17.6).
    dens_gap : 1.2
        Anterior arch to dens: chosen (normal below 3).
    c2_body_ap : 14.9
        core.ac.uk/works/303973137 (14.8 to 14.9).
    c2_lamina_height, c2_lamina_thickness : 12.5, 6.5
        Heights 13.0 and 11.8: scienceopen 890c34bb (n 150), Chan et al. 2021 (n 330).
        Thickness 6.6: 10.4184/asj.2015.9.2.205 (n 200).
    c2_canal_ap, c2_canal_width : 18.5, 23.6
        Kaur et al. 2017 (19.1 x 23.1 at the top, 15.2 x 23.9 at the bottom).
    c2_spinous_length : 15.7
        From the spinolaminar line: scienceopen 890c34bb (15.7, n 150).
    c2_tilt : 15
        Lower end plate, anterior end down: chosen, with the dens then leaning back 7.

    Between them
    ------------
    window_height : 11
        Free height seen from the side, between C1's arch and C2's lamina, where the needle passes.
        From Reed and Jones, UMTRI-2017-1: 10 (women), 12 (men) with open joints. C1 nods to it,
        and its ring then stands 16 up in front (published: 11 to 14, seated).
    joint_gap : 1.0
        Between the facets of C1 and C2: chosen (bone without its cartilage).

    Cord and thecal sac (level C1, between C1 and C2, C2, C3)
    ---------------------------------------------------------
    cord_ap, cord_width, sac_ap, sac_width
        Valosek et al. 2024, 10.1162/imag_a_00075, 203 adults; the sac at C1 0.4 narrower than
        its mean of 16.0, for the dens.
    dorsal_csf : 4.2
        Behind the cord between C1 and C2. 10.3174/ajnr.A4564 (3.6 flexed to 5.0 extended, n 10).
    epidural_gap : 1.4
        Spinolaminar line to the sac between C1 and C2: chosen, for a canal of 20 to 21 AP.

    Vertebral arteries
    ------------------
    artery_diameter : 4.6
        Outer. 10.4103/jcvjs.JCVJS_125_17 (4.7 and 5.2); 4.4 to 4.6 elsewhere.
    artery_wall_gap : 0.5
        Between artery and bone where the bone leaves it room: chosen.

    Neck
    ----
    neck_width, neck_ap : 120, 115
        Between men (125) and women (115), from circumferences: chosen.

    Registration frame of the dry phantom
    -------------------------------------
    frame_reach : 6
        How far the divots lie outside the neck: chosen.
    """

    c1_width: float = 72.0
    c1_canal_ap: float = 29.0
    c1_canal_width: float = 27.5
    c1_anterior_height: float = 10.4
    c1_posterior_height: float = 9.7
    c1_posterior_thickness: float = 7.2
    c1_groove_thickness: float = 3.9
    c1_foramen_width: float = 6.1
    c1_foramen_ap: float = 7.7
    c1_foramen_lateral: float = 25.8

    dens_ap: float = 10.6
    dens_width: float = 9.8
    dens_height: float = 16.0
    dens_gap: float = 1.2
    c2_body_ap: float = 14.9
    c2_lamina_height: float = 12.5
    c2_lamina_thickness: float = 6.5
    c2_canal_ap: float = 18.5
    c2_canal_width: float = 23.6
    c2_spinous_length: float = 15.7
    c2_tilt: float = 15.0

    window_height: float = 11.0
    joint_gap: float = 1.0

    cord_ap: tuple[float, float, float, float] = (8.11, 7.94, 7.76, 7.59)
    cord_width: tuple[float, float, float, float] = (11.37, 11.59, 11.73, 12.14)
    sac_ap: tuple[float, float, float, float] = (15.6, 15.8, 14.5, 13.1)
    sac_width: tuple[float, float, float, float] = (23.3, 22.6, 22.2, 20.8)
    dorsal_csf: float = 4.2
    epidural_gap: float = 1.4

    artery_diameter: float = 4.6
    artery_wall_gap: float = 0.5

    neck_width: float = 120.0
    neck_ap: float = 115.0
    frame_reach: float = 6.0
