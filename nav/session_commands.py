"""`nav session`: what a recorded session holds, whether it is whole, and what becomes of it."""

from cyclopts import App

session_app = App(
    name="session",
    help=(
        "List, check, repair, export and report recorded sessions.\n\n"
        "Begin with `nav session list` in the folder that holds `sessions/`."
    ),
    help_format="markdown",
)
