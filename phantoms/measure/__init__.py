"""The neck that was made, measured."""
