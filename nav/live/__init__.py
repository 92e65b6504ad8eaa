"""Tracking and guidance in a process of their own, and its messages to the window."""
