"""`nav view`: show a case in slices of its scan and in 3D."""
