"""What is printed on paper: calibration targets and marker sheets, at true scale."""
