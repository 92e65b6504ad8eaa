"""Straight paths through the C1-C2 gap, their risk, and the catheter's path down to C4."""
