"""What is printed, and its twin: anatomy, kit, and the simulated cameras."""
