"""Messages about the recording of a live use, and about sessions that are read, in English."""

from nav.text.template import Plural, Template

RECORDING: dict[str, Template] = {
    # in the window's header
    "record_word": "REC",
    "no_record_word": "NOT REC",
    "recording": "recording: {mb_per_s:.1f} MB/s, {pictures:.0f} images/s; M sets a mark",
    "record_rates": "{mb_per_s:.1f} MB/s, {pictures:.0f} images/s",
    "record_rate": "{mb_per_s:.1f} MB/s",
    "record_room": "{minutes} min left, M: mark",
    "record_room_long": "{hours} h left, M: mark",
    "record_room_unknown": "M: mark",
    # why nothing is recorded
    "not_recording": "Not recording: {reason}",
    "record_off": "switched off (--no-record)",
    "disk_problem": "{problem}",
    "session_folder_gone": "the session's folder is gone",
    "recorder_failed": "the recorder failed: {problem}",
    # what went wrong, while recording goes on
    "recorder_late": "Recording: the disk has not answered for {seconds:.0f} s",
    "results_dropped": Plural(
        "Recording: {count} result was not recorded, the disk is too slow",
        "Recording: {count} results were not recorded, the disk is too slow",
        by="count",
    ),
    "events_dropped": Plural(
        "Recording: {count} event was not recorded, the disk is too slow",
        "Recording: {count} events were not recorded, the disk is too slow",
        by="count",
    ),
    "pictures_dropped": Plural(
        "Recording: {count} image of {camera} was not recorded: computer or disk is too slow",
        "Recording: {count} images of {camera} were not recorded: computer or disk is too slow",
        by="count",
    ),
    "pictures_stopped": "Recording without images: {problem}",
    "pictures_ended": "the process that records them has ended",
    "pictures_again": "Images are recorded again",
    "clock_set": (
        "The computer's clock was set by {seconds:.1f} s, or it slept; times of the record go on "
        "as before"
    ),
    "mark_set": "Mark {number} set",
    # of a session that is read
    "session_unfinished": (
        "{file} has no end: it is still being recorded, or the program was ended from outside"
    ),
    "session_cut": "{file} is cut off: {bytes} bytes of its last record are there",
    "session_without_end": "{file} does not say how the session ended",
    "session_damaged": "{file} is damaged at byte {at}; that part is left out",
    "attachment_missing": "{file}: the file {name} is missing",
    "attachment_changed": "{file}: the file {name} is not the one that was recorded",
}
