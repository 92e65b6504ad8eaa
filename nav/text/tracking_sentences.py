"""Why a tool has no pose or a doubtful one, and what cameras do to their images, in English."""

from nav.text.template import Parts, Plural, Template

_FILE = (
    "is it this tool's file (ids, order and first of the corners, scale), and this rig's? A sheet "
    "made by another program or version may have its markers turned"
)
_RIG = (
    "has one of them been moved or refocused, is one late or frozen, or is it another rig's or "
    "another tool's file?"
)
_SIZE = (
    "and {cameras:and} alone cannot see it: {percent:.1f} % would be {off_mm:.1f} mm of distance; "
    "check its ruler and write scale_sd into its file"
)
_SHARPENED = (
    "{camera}: image is sharpened (halo {halo_percent:.0f} %): set the camera's sharpness to its "
    "lowest"
)
_SHARED = (
    "neighbouring pixels share their errors (variance x {growth:.1f}): smoothed, compressed or "
    "enlarged images? Turn off noise reduction and digital zoom, and compress less"
)

TRACKING: dict[str, Template] = {
    "several": "{reasons:semicolons}",
    "and": "and",
    "and_more": "and {count} more",
    "markers": Plural("marker {ids:first 6}", "markers {ids:first 6}", by="ids"),
    # lost
    "no_pictures": "no image from any camera",
    "no_marker_seen": Parts(
        "no marker of {tool} seen by {cameras}", "hidden, too oblique, blurred or too dark"
    ),
    "out_of_view": "out of view of camera {cameras}",
    "hidden": "hidden from {cameras}",
    "too_oblique": "too oblique for {cameras}",
    "too_dark": "too dark for {cameras}",
    "too_blurred": "too blurred for {cameras}",
    "small_or_hidden": "too small for, or hidden from {cameras}",
    "markers_misplaced": (
        "{ids:markers} of {tool} are seen by {cameras:and}, but not where the tool's file puts "
        f"them: {_FILE}"
    ),
    "markers_at_two_places": (
        "{ids:markers} of {tool} are seen at two places by {cameras:and}: take the other print, or "
        "image of it, out of view"
    ),
    "cameras_contradict": (
        "{cameras:and} and {others:and} see {tool} at different places ({ids:markers}): " + _RIG
    ),
    "markers_elsewhere": (
        "{ids:markers} of {tool} are seen by {cameras:and}, but not where the pose from the other "
        f"views puts them: {_FILE}"
    ),
    "cameras_apart": f"{{cameras:and}} see {{tool}} at different places: {_RIG}",
    "not_this_tool": (
        "markers lie elsewhere on the tool than its file says, by more than a cell; is it this "
        "tool's file, and this rig's?"
    ),
    "misaligned": (
        "markers do not fit together as the tool's file and the cameras' say; is it this tool's "
        "file, and this rig's?"
    ),
    "markers_disagree": (
        "{ids:markers} of {tool} do not fit together as the tool's file and the cameras' say, and "
        "are too few to tell why: is it this tool's file, and this rig's?"
    ),
    "too_few_markers": Parts(
        "too few markers", "only {seen}; turn the tool or show it to another camera"
    ),
    "marker_by_camera": "{marker} by {camera}",
    "ambiguous": Parts(
        "two poses look the same",
        "one camera sees it nearly flat; turn it or show it to another",
    ),
    "markers_misfit": Plural(
        "marker {ids} does not fit", "markers {ids} do not fit together", by="ids"
    ),
    "not_found": "not found",
    "no_such_tool": "no such tool",
    "reference_lost": Parts("reference lost", "{reason}"),
    "not_tied": Parts(
        "{tool} is seen by {cameras:and} only, {reference} by {others:and} only, and nothing yet "
        "shows that these cameras' places fit together",
        "show one of the tools to both at once",
    ),
    "no_tip": Parts("{tool} has no tip", "calibrate it first"),
    "tip_not_finite": "tip is not finite",
    # from another tracker or a recording
    "not_reported": "{tool} is not reported by the tracker",
    "report_late": "no report of {tool} for {seconds:.1f} s",
    "not_seen_by_tracker": "{tool} is not seen by the tracker",
    "not_seen_by_tracker_status": Parts("{tool} is not seen by the tracker", "{status}"),
    "reported_not_finite": "the tracker's pose of {tool} is not finite",
    "reported_no_covariance": "the tracker's covariance of {tool} is not valid: {problem}",
    "error_not_known": (
        "the error of {tool} is not known: the tracker gives none, and none is stated"
    ),
    "tracker_status": "{status}",
    "no_row": "{tool} has no row in this frame",
    "recorded_reason": "{text}",
    "no_systematic_errors": (
        "{file} does not hold the systematic errors of {tool}: bounds are too large where its "
        "geometry is doubtful; track with --relative-to {tool}"
    ),
    "recorded_without_reason": "lost",
    # doubtful
    "geometry_doubtful": Parts("geometry doubtful", "corners {corners_px:.2f} px off beyond noise"),
    "geometry_doubtful_at_tip": Parts(
        "geometry doubtful",
        "corners {corners_px:.2f} px off beyond noise, the tip by about {tip_mm:.2f} mm",
    ),
    "camera_sees_larger": (
        "camera {camera} sees everything {percent:.2f} % larger: refocused, zoomed or warmed up?"
    ),
    "camera_sees_smaller": (
        "camera {camera} sees everything {percent:.2f} % smaller: refocused, zoomed or warmed up?"
    ),
    "camera_disagrees": (
        "camera {camera} disagrees with the others by {off_px:.1f} px: moved, refocused or warmed "
        "up?"
    ),
    "cameras_disagree": (
        "cameras {cameras:and} disagree by {off_px:.1f} px: has one moved, refocused or warmed up?"
    ),
    "camera_confirms_none": (
        "{camera} confirms none of {expected} markers that it should see: covered, or has it moved?"
    ),
    "seen_elsewhere": "{ids:markers} seen by {camera} elsewhere than the pose says",
    "printed_smaller": (
        "according to the cameras {tool} is {percent:g} % smaller than its file says: printed "
        "'fit to page', or has a camera moved, or the rig a wrong scale?"
    ),
    "printed_larger": (
        "according to the cameras {tool} is {percent:g} % larger than its file says: printed "
        "at another scale, or has a camera moved, or the rig a wrong scale?"
    ),
    "size_seen_otherwise": (f"{{tool}} was measured at another size than its file gives, {_SIZE}"),
    "size_not_checked": f"printed size of {{tool}} not checked, {_SIZE}",
    "picture_repeats": "image of {cameras:and} repeats the one before: frozen or late?",
    "parts_repeat": (
        "image of {cameras:and} repeats parts of an earlier one where the tool moved: torn, or "
        "data lost? What is seen may be old"
    ),
    "camera_stopped": "{camera} no longer gives images",
    "marker_left_out": "marker {marker} left out in {camera}",
    # what cameras do to their images
    "sharpened": _SHARPENED,
    "noise_shared": f"{{camera}}: {_SHARED}",
    "sharpened_noise_shared": f"{_SHARPENED}; {_SHARED}",
    "interlaced": (
        "rows of {camera} alternate like a comb: interlaced images? Use a progressive source, or "
        "deinterlace"
    ),
    "deinterlaced": (
        "{what} of {camera} are interpolated, every second one: deinterlaced images? Use a "
        "progressive source"
    ),
    "median_filtered": (
        "{camera}: image is median filtered, which is taken into account: turn noise reduction off"
    ),
    "pixels_copied": (
        "{what} of {camera} are copied from their neighbours, every {period} px: enlarged "
        "images? Use the camera's own size"
    ),
    "pixels_mixed": (
        "{what} of {camera} are interpolated from their neighbours, every {period} px: enlarged "
        "images? Use the camera's own size"
    ),
    "rows": "rows",
    "columns": "columns",
    "pixels": "pixels",
    "few_levels": (
        "images of {camera} have {levels} grey levels only: posterised or compressed in depth? Use "
        "8 bits"
    ),
    "images_mixed": (
        "{camera} mixes earlier images into its newest, and shows late what moves: turn off noise "
        "reduction over time (3D), or compress single images instead of video"
    ),
    "two_tone": ("images of {camera} are black and white without grey: thresholded? Use grey ones"),
}
