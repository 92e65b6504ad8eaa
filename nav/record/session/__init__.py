"""A session: one live use as a folder, written so that nothing is lost, and read back."""
