"""Prompts, answers and warnings of a live session, in English."""

from nav.text.template import Parts, Template

SESSION: dict[str, Template] = {
    # why there are no distances
    "not_registered": Parts("not registered", "touch the fiducials first"),
    "not_checked": Parts("registration not checked", "touch the check point first"),
    "refuted": Parts(
        "registration does not fit",
        "a check point is off; touch it again, or register again",
    ),
    "no_plan": "the case has no plan",
    # prompts
    "hold_still": "Hold still: {done} of {count}",
    "touch": "Touch {label} ({number} of {count}), hold still, press Space",
    "check_touch": "Check: touch {label} ({number} of {count}), hold still, press Space",
    "check_known": "Check the registration: touch {label}, hold still, press Space",
    "touch_check_again": (
        "Check points are up to {off_mm:.1f} mm off: Backspace to touch {label} again"
    ),
    "check_again_or_register": (
        "Check points are up to {off_mm:.1f} mm off: Backspace to touch {label} again, twice to "
        "register again"
    ),
    "touch_recheck": (
        "Re-check: touch {label}, hold still, press Space; C: another divot, Backspace: none"
    ),
    "remove_last_touch": (
        "The touched points do not fit together: Backspace to touch the last one again"
    ),
    "no_fiducials": "This case has no fiducials to touch",
    # answers to commands
    "nothing_to_touch": "Nothing to touch now",
    "touch_lost": "Touch aborted, tip lost: {reason}",
    "touch_moved": "{label} not taken: the tip moved by {wander_mm:.1f} mm",
    "not_registered_error": "Not registered: {problem}",
    "not_registered_verdict": "Not registered, {verdict}",
    "registered": "Registered: FRE {fre_mm:.2f} mm; {verdict}",
    "registered_with_target": (
        "Registered: FRE {fre_mm:.2f} mm, predicted TRE at the target {tre_mm:.2f} mm; {verdict}"
    ),
    "verified": "Verified: {check}",
    "registration_confirmed": "Registration confirmed: {check}",
    "check_refuted": "{check}; {verdict}",
    "check_in_ras": ("{check}. It would fit with x and y negated: were the touched points in RAS?"),
    "check_off_unexplained": "{check}. Has the reference body moved, or is this another divot?",
    "earlier_needs_check": "An earlier registration is not used without this check",
    "checks_do_not_fit": "Not continued: the check points do not fit this registration",
    "not_verified": "Not verified: the error of this registration is unknown",
    "registration_kept": "Registration is kept; G registers again",
    "recheck_passed": "Registration confirmed again: {check}",
    "recheck_failed": "Re-check failed: {check}",
    "former_kept": "The former registration is kept",
    "touch_forgotten": "{label} forgotten",
    "nothing_to_register_with": "This case has no fiducials to register with again",
    "earlier_discarded": "The earlier registration is discarded: touch the fiducials",
    "no_such_plan": "No plan is called {plan}",
    "unchecked_no_fiducials": (
        "The registration was not checked: this case has no fiducials to touch"
    ),
    # warnings about the registration in use
    "unverified_in_use": "the registration was not verified by a check point",
    "former_in_use": (
        "registering again: until the new registration is verified, the numbers are of the former "
        "one; Backspace with nothing touched keeps it"
    ),
    "registration_doubtful": (
        "Registration doubtful: {check}. C: touch it again, G: register again"
    ),
    "usable_in_use": "registration {verdict}",
    # limits that a set-up has instead of the usual ones
    "limits_lowered": "alarms come later than the case specifies (lab.toml): {structures:first 3}",
    "check_limit_raised": (
        "check points may be off by up to {limit_mm:g} mm (lab.toml); the usual limit is "
        "{usual_mm:g} mm"
    ),
    "registration_not_saved": "the registration is not saved: {problem}",
    # the tracking process
    "opening": "Opening cameras or recording, and the case",
    "making_phantom": "Making the phantom",
    "phantom_files_written": "Files written",
    "setting_up_room": "Setting up the simulated room",
    "input_error": "{problem}",
    "could_not_start": "tracking could not start: {problem}",
    "tracking_failed": "tracking failed: {problem}",
    "ended_silently": "the tracking process ended without a message",
    "stopped_silently": "it stopped without saying why",
    "message_unreadable": "the window could not read what it sent",
}
