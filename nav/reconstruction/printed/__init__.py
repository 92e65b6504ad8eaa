"""The scan of a printed phantom: its kit is found in it, measured, and made a case."""
