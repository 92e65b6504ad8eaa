"""What the window of a replayed session shows besides what the live window shows, in English."""

from nav.text.template import Template

REPLAY: dict[str, Template] = {
    "replay_badge": "REPLAY",
    "replay_of": "REPLAY of {recorded}",
    "replay_title": "REPLAY - {case}",
    "replay_nothing_live": "recorded, nothing is live",
    "replay_recorded_light": "recorded",
    "replay_reading": "Reading the session",
    "replay_computing": "Computing what comes before",
    "replay_prompt": "Asked then: {prompt}",
    "replay_gap": "Nothing was recorded for {seconds:.1f} s",
    "replay_silent": "The replay does not answer",
    "replay_end": "End of the session: Home plays it again",
    "replay_paused": "REPLAY paused at {at}: Space resumes",
    # notices about it
    "replay_other_case": (
        "replayed with another case than recorded: {name} (other files: {files:first 4})"
    ),
    "replay_same_case": "the case given is the recorded one: {name}",
    "replay_other_registration": (
        "replayed with another registration than recorded: {file}; touches of the recording are "
        "not repeated"
    ),
    "replay_of_cut": "the record ends early: {reason}",
    "picture_not_recorded": "camera {camera}: this image was not recorded",
    # the time line
    "replay_at": "{at} of {end}  ·  × {speed}",
    "replay_stages": "stage",
    "replay_losses": "lost",
    "replay_alarms": "alarm",
    "replay_events": "events",
    "replay_start": "From the start [{key}]",
    "replay_back": "One frame back [{key}]",
    "replay_on": "One frame on [{key}]",
    "replay_pause": "Pause, resume [{key}]",
    "replay_speed": "× {speed} [{key}]",
    "key_left": "Shift Left",
    "key_right": "Shift Right",
    "key_up_down": "Up, Down",
    "replay_tick": "{at}  {what}",
    "replay_lost_span": "{tool} lost, {seconds:.1f} s",
    "replay_alarm_span": "{level}, {seconds:.1f} s",
    "replay_keys": (
        "Left, Right: 5 s  ·  Shift: a frame  ·  Page keys: events  ·  Up, Down: speed"
    ),
    # what happened
    "replay_mark": "Mark: {text}",
    "replay_touch_touched": "{label} touched",
    "replay_touch_forgotten": "{label} forgotten",
    "replay_check_touched": "Check {label}: {distance_mm:.1f} mm off",
    "replay_check_forgotten": "Check {label} forgotten",
    "replay_verified": "Registration verified",
    "replay_unverified": "Registration not verified",
    "replay_registered": "Registered: FRE {fre_mm:.2f} mm",
    "replay_registration_in_use": "Registration {registration} in use",
    "replay_registration_none": "No registration in use",
    "replay_registration_given_up": "Registration discarded",
    "replay_registration_taken_back": "Registration {registration} again",
    "replay_caution": "{structure}: caution",
    "replay_danger": "{structure}: danger",
    "replay_registration_fits": "Registration fits again",
    "replay_camera_back": "Camera {camera} is back",
    "replay_event": "{kind} {code}",
}
