"""Calibrating cameras from live pictures: guidance on the screen, pictures taken by themselves."""
