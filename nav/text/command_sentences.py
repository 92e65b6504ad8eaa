"""What commands report at their end, in English."""

from nav.text.template import Plural, Template

COMMANDS: dict[str, Template] = {
    "tracked_share": "{tool} {percent:.1f} %",
    "track_summary": (
        "{frames} frames, {rate:.1f} /s, {followed} of them followed; tracked: {shares}"
    ),
    "lost_most_often": "{tool} lost in {lost} of {frames} frames, most often: {reason}",
    "warned_in_rows": Plural(
        "warning in {rows} row: {tool}: {warning:headline}",
        "warning in {rows} rows: {tool}: {warning:headline}",
        by="rows",
    ),
    "warned": "warning: {warning}",
    "smoothed": "smoothed over {frames} frame sets: poses are up to {delay_ms:.0f} ms late",
}
