"""What is wrong with cameras and recordings, in English."""

from nav.text.template import Parts, Plural, Template

_EVEN_LIGHT = "keep the light even"

CAMERAS: dict[str, Template] = {
    "file_remark": "{text}",
    "picture_unusable": "{why}",
    # an instant without an image
    "no_such_picture": "{camera}: no image {name}",
    "file_unusable": Parts("{camera}", "{file} {why}"),
    "picture_lost_by_recorder": "{camera}: the recorder lost image {number}",
    "picture_damaged": Parts("{camera}", "image {number} is damaged ({damage})"),
    "recording_over": Plural(
        "{camera}: the recording ends after {count} image",
        "{camera}: the recording ends after {count} images",
        by="count",
    ),
    "picture_frozen": "{camera}: the same image as before: frozen",
    "no_image_given": "no image given",
    # a live camera without an image
    "camera_waiting": Parts("camera {camera}", "no image yet"),
    "camera_frozen": Parts("camera {camera}", "only old images for {seconds:.1f} s: frozen?"),
    "camera_damaged": Parts("camera {camera}", "only damaged images for {seconds:.1f} s: cable?"),
    "camera_silent": Parts("camera {camera}", "no image for {seconds:.1f} s: unplugged?"),
    "camera_late": Parts("camera {camera}", "no image at the time of the others'"),
    "camera_absent": Parts("camera {camera}", "no image"),
    "camera_starting": Parts("camera {camera}", "starting"),
    "camera_not_opened": Parts("camera {camera}", "device {device} cannot be opened: {why}"),
    "camera_not_answering": Parts("camera {camera}", "device {device}: its driver does not answer"),
    "camera_no_first_picture": Parts(
        "camera {camera}",
        "device {device}: no image in {seconds:g} s; in use by another program?",
    ),
    "camera_other_size": Parts("camera {camera}, device {device}", "{problem}"),
    "camera_size_changed": Parts(
        "camera {camera}",
        "images are {width} x {height} now, were {width_before} x {height_before} at the start; "
        "start again",
    ),
    "camera_failed": Parts("camera {camera}", "{problem}"),
    # warnings of live cameras
    "camera_slow": (
        "camera {camera}: only {rate:.0f} images per second; more light, a shorter exposure or a "
        "USB port of its own may help"
    ),
    "camera_jpeg_unusable": (
        "camera {camera}: the driver does not hand over its JPEG as the camera sends it; recorded "
        "images are compressed again"
    ),
    "focus_not_locked": (
        "camera {camera}: the driver does not lock the focus; no matter if the lens has a fixed "
        "focus"
    ),
    "exposure_not_locked": (
        f"camera {{camera}}: the driver does not lock the exposure; {_EVEN_LIGHT}"
    ),
    "white_balance_not_locked": (
        f"camera {{camera}}: the driver does not lock the white balance; {_EVEN_LIGHT}"
    ),
    "no_sharpness_control": (
        "camera {camera}: the driver has no control for sharpness; if the camera has one "
        "elsewhere, set it to its lowest"
    ),
    "sharpness_not_lowered": (
        "camera {camera}: the driver does not lower the sharpness: asked for 0, it stays at "
        "{value:g}; set it to its lowest with the camera's own program"
    ),
    "cameras_swapped": (
        "cameras {one} and {other} are swapped: the markers fit to {swapped_px:.1f} px with them "
        "exchanged, to {given_px:.0f} px as they are; exchange their --camera numbers or folders"
    ),
    # warnings of recordings
    "pictures_unusable": (
        "{camera}: {damaged} of {count} images cannot be used; the first: {first:detail}"
    ),
    "pictures_missing": "{camera}: no image in {missing} of {count} frame sets",
    "pictures_frozen": (
        "{camera}: frozen in {frozen} of {count} frame sets (the same image as before while "
        "another camera's changed): not used there"
    ),
    "pictures_repeated": (
        "{camera}: {repeated} of {count} images are the same as the one before: their poses are "
        "of an earlier time"
    ),
}
