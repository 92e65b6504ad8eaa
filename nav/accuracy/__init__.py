"""Accuracy testing: statistics of errors, agreement, gauge studies and control charts."""
