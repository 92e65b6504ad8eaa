"""Tracking and guidance in a process of their own, and how the window hears from it."""
