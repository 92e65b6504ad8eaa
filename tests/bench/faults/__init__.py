"""Monte Carlo over wrong rigs, wrong tool files, late and frozen cameras and second prints."""
