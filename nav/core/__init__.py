"""What all other parts are built on: value types, errors and facts, files, compiled code."""
