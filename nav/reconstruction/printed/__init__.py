"""Reconstruction of a printed phantom: its kit is found in the scan, measured, and made a case."""
