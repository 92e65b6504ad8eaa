"""What the window of a case shows besides names and numbers, in English."""

from nav.text.template import Template

CASE: dict[str, Template] = {
    # what the case has, and lacks
    "case_lacks": "not in this case: {names}",
    "case_no_scan": "no scan in this case: surfaces only",
    "case_no_remarks": "The reconstruction has no remarks.",
    "case_nothing_missing": "Nothing is missing in this case.",
    "case_unsure_shares": "share of a surface with sigma above {limit_mm:g} mm: {shares}",
    "case_sigma_title": "sigma of the surface, mm",
    "case_structures_title": "structure, usual sigma, made from",
    "case_plan_named": "plan: {plan}",
    "case_no_scan_to_correct": "no scan in this case: nothing can be run again",
    "case_no_bones_to_correct": (
        "no bones are fitted to this scan: reconstruct a patient's scan again; a printed phantom's "
        "cannot be corrected by hand"
    ),
    # planes, grey values, and what is under the pointer
    "plane_axial": "axial",
    "plane_sagittal": "sagittal",
    "plane_coronal": "coronal",
    "plane_slice": "{plane} slice",
    "greys_title": "grey values  [1] [2] [3]",
    "greys_bone": "bone",
    "greys_soft_tissue": "soft tissue",
    "greys_artery": "artery",
    "case_outside_scan": "outside the scan",
    "case_units_unknown": "no scan",
    "case_nothing_shown": "no structure shown",
    "case_point_inside": "{structure}: {distance_mm:.1f} mm inside, sigma {sigma} there",
    "case_point_outside": "{structure}: {distance_mm:.1f} mm outside, sigma {sigma} there",
    # buttons, keys, and what they did
    "case_sigma_colour": "sigma as colour  [U]",
    "case_reset": "whole view  [R]",
    "case_screenshot": "screenshot  [S]",
    "case_draw_line": "draw line  [L]",
    "case_save_lines": "save lines  [P]",
    "case_correct": "correct by hand  [C]",
    "case_keys": (
        "click: cross-hair · wheel: slices · Ctrl+wheel: zoom · right drag: grey values · Q: quit"
    ),
    "case_how_to_draw": "click or drag: first the entry at the skin, then the target",
    "case_written": "written: {files}",
    # unsaved work
    "unsaved": "not saved: {works}; close again to lose it",
    "unsaved_painted": "what was painted or placed",
    "unsaved_surfaces": "the surfaces that were run again",
    "unsaved_line": 'the line "{line}"',
    # a line's score
    "role_bone": "bone",
    "score_side_left": "{line}, from the left",
    "score_side_right": "{line}, from the right",
    "score_not_in_case": "not in this case",
    "score_deep": "{distance_mm:.1f} mm   ({structure}, {depth_mm:.0f} mm deep)",
    "score_ahead": "{distance_mm:.1f} mm   ({structure}, {ahead_mm:.1f} mm ahead of the tip)",
    "score_depth": "depth",
    "score_entry": "entry",
    "score_touches": "touches",
    "score_cranial": "{degrees:.0f}° cranial",
    "score_caudal": "{degrees:.0f}° caudal",
    "score_dorsal": "{degrees:.0f}° dorsal",
    "score_ventral": "{degrees:.0f}° ventral",
    "score_unknown_region": "unknown: it leaves the region covered by planning",
    "score_risk": "artery {artery}, cord {cord}; misses the dura {missed}",
    "score_measuring": "measuring the case ...",
    "score_failed": "no score: {why}",
    "score_not_computed": "no score: it could not be computed ({error})",
    # limits that a path does not keep
    "path_through": "goes through {structure}",
    "path_near": "passes {structure} at {value_mm:.1f} mm, at least {limit_mm:.1f} mm is required",
    "path_touches_artery": (
        "touches an artery with a probability of {value}, at most {limit} is allowed"
    ),
    "path_touches_cord": (
        "touches the cord with a probability of {value}, at most {limit} is allowed"
    ),
    "path_too_deep": "is {value_mm:.0f} mm deep, the needle reaches {limit_mm:.0f} mm",
    "path_oblique": (
        "is {value_degrees:.0f} degrees off lateral, at most {limit_degrees:.0f} are allowed"
    ),
    "path_misses_target": "does not end behind the cord in the posterior third of the canal",
    "path_artery_in_gap": "{structure} lies in the gap on this side",
    # correcting by hand
    "correct_title": "correct by hand",
    "correct_look": "look  [Esc]",
    "correct_paint": "paint  [B]",
    "correct_erase": "erase  [E]",
    "correct_seed": "seed  [D]",
    "correct_undo": "undo  [Z]",
    "correct_clear_seeds": "clear seeds",
    "correct_run": "run again  [Return]",
    "correct_save": "save",
    "correct_discard": "discard",
    "correct_brush": "brush {width_mm:.1f} mm wide  [,] [.]",
    "seed_named": "seed {structure}",
    "correct_preparing": "reading the case's own steps; you can begin",
    "correct_started": (
        "paint what is missing, erase what does not belong, or set seeds; then run again"
    ),
    "correct_stale": "changed since the last run; the dashed surfaces are from that run",
    "correct_again": "running again; the dashed surfaces are from the run before",
    "correct_dropped": "more was painted during the run: run again",
    "correct_run_first": "run again first: more was painted since",
    "correct_nothing": "nothing has changed",
    "correct_gone": "{structure}: no longer exists",
    "correct_new_remark": "new remark: {remark}",
    "correct_remark_over": "no longer: {remark}",
    "correct_new": "{structure}: new, {volume_cm3:.1f} cm³",
    "correct_kept": "{structure}: where it was",
    "correct_kept_sigma": "{structure}: where it was, sigma changed by {sigma_mm:.2f} mm at most",
    "correct_moved": (
        "{structure}: moved by {mean_mm:.2f} mm on average, {largest_mm:.1f} mm at most; "
        "{volume_cm3:+.2f} cm³"
    ),
    "correct_from": "{change}; now from {source}",
    # the steps of a reconstruction
    "step_locate": "locating the bones",
    "step_fit": "fitting the bones",
    "step_levels": "measuring grey values",
    "step_arteries": "following the arteries",
    "step_labels": "separating the bones",
    "step_surfaces": "surfaces",
    "step_refine": "refining surfaces",
    "step_canal": "cord and dura",
    "step_skin": "skin",
}
