"""Studies of whole set-ups by Monte Carlo, before anything is bought or printed."""
