"""Does the 95 % bound hold? Simulated punctures of random necks, each with its own CT."""
