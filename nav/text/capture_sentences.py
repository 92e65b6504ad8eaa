"""Messages while images are recorded, and touches and calibrations taken live, in English."""

from nav.text.template import Parts, Plural, Template

CAPTURE: dict[str, Template] = {
    # why a recording ended
    "disk_full": "the disk that {folder} is on is full",
    "recording_stopped": "recording ended: {why}",
    "recording_too_long": "the recording is full: times.csv has {rows} rows",
    # the request, and the line below it
    "record_ready": "Press Space to record",
    "record_starting": "Starting the cameras",
    "record_starts_in": Plural(
        "Recording begins in {seconds} second",
        "Recording begins in {seconds} seconds",
        by="seconds",
    ),
    "record_now": "Recording",
    "record_every": Plural("Recorded {instants}", "Recorded {instants}", by="instants"),
    "record_paused": "Paused: Space resumes",
    "record_enough": "The recording is complete",
    "record_ended_early": "The recording has ended",
    "record_cameras_stopped": "The cameras have stopped",
    "record_camera_gone": "The {camera} camera gives no image",
    "record_so_far": Plural(
        "{seconds:.1f} s, {instants} instant", "{seconds:.1f} s, {instants} instants", by="instants"
    ),
    "record_so_far_dropped": Plural(
        "{seconds:.1f} s, {instants} instants, {dropped} DROPPED: too slow",
        "{seconds:.1f} s, {instants} instants, {dropped} DROPPED: too slow",
        by="dropped",
    ),
    "record_of_seconds": "{seconds:.0f} s requested",
    "record_of_count": "{count} instants requested",
    "record_marked": Plural("{marks} mark", "{marks} marks", by="marks"),
    "record_waiting": "buffer {percent:.0f} %",
    "disk_minutes": "disk for {minutes:.0f} min",
    "record_window": "c1c2nav - record images: {folder}",
    "record_camera_rate": "{camera} {rate:.1f} /s",
    "record_camera_line": (
        "{camera} {rate:.1f} /s, edges {blur} px, {over:.1f} % white, {markers} markers"
    ),
    # the bars below each image
    "bar_sharpness": "edges, up to {most:.1f} px",
    "bar_sharpness_value": "{blur:.1f} px",
    "bar_no_edges": "no edges seen",
    "bar_exposure": "white, black",
    "bar_exposure_value": "{over:.1f} %, {under:.0f} %",
    "bar_rate": "rate",
    "bar_rate_value": "{rate:.1f} /s",
    "bar_rate_missed": "{rate:.1f} /s, {missed} missed",
    "bar_markers": "markers",
    "no_image": "no image",
    "no_image_because": Parts("no image", "{reason}"),
    "image_size": "{width} x {height}",
    # buttons
    "action_record": "Record",
    "action_stop": "Stop",
    "action_mark": "Mark",
    "action_finish": "Finish",
    # how a touch was, and why one is refused
    "touch_known": "known to {sd_mm:.2f} mm (sd)",
    "touch_broken_off": "moved after {seconds:.1f} s; hold still",
    "touch_not_seen": "too few frames show the tip; is it in view?",
    "touch_crept": "the tip crept; hold still",
    "touch_jumped": "the tip jumped by {distance_mm:.1f} mm; hold still",
    "touch_drifted": "the tip crept by {distance_mm:.1f} mm; hold still",
    "touch_knocked": (
        "the tip changed its place by {distance_mm:.1f} mm between two frames: was the reference "
        "body knocked?"
    ),
    "touch_reference_moved": (
        "the tip moved by {distance_mm:.1f} mm, and the reference body by {shift_mm:.1f} mm"
    ),
    "touch_too_short": (
        "{independent:.0f} independent samples, at least {least:.0f} are needed; hold still for "
        "longer"
    ),
    "touch_uncertain": (
        "its position is known to {sd_mm:.2f} mm only, {most_mm:g} are needed; turn the tool to "
        "the cameras"
    ),
    "touch_of_another": "this is {other}; touch {label}",
    "touch_of_none": "distances to the divots before are off by {off_mm:.1f} mm: not {label}",
    # touches, one after the other
    "tracking_stopped": "tracking ended: {why}",
    "tracking_ended": "Tracking has ended",
    "images_late": "No new images for {seconds:.0f} s",
    "tool_markers": "{tool} {count}",
    "touch_window": "c1c2nav - touch divots",
    "touch_next": "Touch {label}",
    "touch_any": "Touch a divot",
    "touch_hold_still": "Hold still",
    "touch_lift": "Lift the tip",
    "touch_taken": "{label} is taken",
    "touch_refused": "Not taken",
    "touch_number": "{label}, {number} of {count}",
    "touch_sd": "± {sd_mm:.2f} mm",
    "touch_left_out": "left out",
    "touches_taken": Plural("{count} touch", "{count} touches", by="count"),
    "touches_fit": "they fit the case to {fre_mm:.2f} mm (FRE)",
    "touches_done": "All are touched",
    "touches_done_detail": "Finish writes them; Undo takes the last one back",
    "action_leave_out": "Leave out",
    # touches of the divot block
    "guide_window": "c1c2nav - touch the divot block",
    "block_heading": "DIVOT BLOCK",
    "block_front": "front",
    "block_next": "next: {label}",
    "block_fits": "they fit the block to {fre_mm:.2f} mm (FRE)",
    "block_scatter": "they scatter by {rms_mm:.2f} mm (rms)",
    # calibrating needle and marker body live
    "pivot_window": "c1c2nav - calibrate the needle's tip",
    "pivot_ready": "Tip into a divot, press Space",
    "pivot_ready_detail": (
        "then tilt the needle by 30 degrees in all directions; the tip stays in the divot"
    ),
    "pivot_begin": "Tilt the needle, tip in the divot",
    "pivot_tilt": "Tilt the hub {sides:and}",
    "pivot_go_on": "Continue, and turn it about its axis",
    "pivot_enough": "Enough. Space, then lift the tip",
    "pivot_paused": "Stopped: Space resumes",
    "pivot_not_seen": "The needle is not seen",
    "pivot_known": "tip known to {sd_mm:.3f} mm (1 sd, worst direction), rms {rms_mm:.2f} mm",
    "spin_next": "Now the axis: press A",
    "spin_next_detail": "the needle's file has none; without it press Calibrate",
    "spin_ready": "Shaft into a groove, press Space",
    "spin_ready_detail": "then spin the needle about its axis, by half a turn or more",
    "spin_begin": "Spin the needle about its axis",
    "spin_enough": "Enough. Press Space",
    "spin_paused": "Stopped: Space begins anew",
    "spin_known": (
        "axis known to {sd_deg:.2f} degrees (1 sd); spun by {turn_deg:.0f}, "
        "wobble {wobble_deg:.2f} degrees (rms)"
    ),
    "side_right": "right",
    "side_left": "left",
    "side_down": "down",
    "side_up": "up",
    "side_near": "towards the cameras",
    "side_away": "away from the cameras",
    "chart_near": "near",
    "chart_far": "far",
    "body_window": "c1c2nav - calibrate a marker body",
    "body_ready": "Hold up the body, press Space",
    "body_ready_detail": (
        "turn it step by step, and hold it still after each: images are taken automatically"
    ),
    "body_turn": "Turn it a little",
    "body_together": "Show markers {one} and {other} in one image",
    "body_show": "Show marker {marker} to the cameras",
    "body_other_side": "Marker {marker}: from another side",
    "body_more_of": "More images of marker {marker}",
    "body_paused": "Stopped: Space resumes",
    "body_not_seen": "The body is not seen",
    "body_known": "corners known to {sd_mm:.3f} mm (1 sd) or better; worst marker {marker}",
    "capture_finish": "Enough. Press Calibrate",
    "capture_stopped": "Nothing more is taken",
    "capture_failed": "an image could not be saved: {why}",
    "calibrating": "Calibrating",
    "calibrating_detail": "this may take a minute",
    "calibration_saved": "Calibrated and saved",
    "calibration_usable": "Saved. It can be better",
    "calibration_usable_detail": "the verdict below says how; Take more continues",
    "calibration_refused": "Not good enough",
    "bar_of": "{have} of {wanted}",
    "bar_poses": "poses",
    "bar_tilts": "sides",
    "bar_tip": "tip ±",
    "bar_tip_value": "{sd_mm:.3f} mm, goal {most_mm:g}",
    "bar_rms": "rms",
    "bar_rms_value": "{rms_mm:.2f} mm",
    "bar_turn": "degrees",
    "bar_axis": "axis ±",
    "bar_wobble": "wobble",
    "bar_angle_value": "{angle_deg:.2f}°, goal {most_deg:g}°",
    "bar_images": "images",
    "bar_markers_complete": "markers complete",
    "bar_worst_marker": "worst marker ±",
    "action_collect": "Collect",
    "action_axis": "Measure the axis",
    "action_tip": "Back to the tip",
    "action_calibrate": "Calibrate",
    "action_more": "Take more",
    "action_close": "Close",
    "action_cancel": "Cancel",
    "action_save": "Save",
}
