"""Exchange with other programs: a case to files that they read, and theirs to a case."""
