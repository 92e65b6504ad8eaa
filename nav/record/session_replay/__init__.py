"""Recorded sessions played again: in the live window, or as a table of what differs."""
