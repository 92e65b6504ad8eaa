"""`nav accuracy`: test protocols, reports and the daily check."""

from cyclopts import App

accuracy_app = App(
    name="accuracy",
    help=(
        "Measure how accurate tracking is: protocols on the printed divot block, reports, the "
        "daily check and its history."
    ),
    help_format="markdown",
)
