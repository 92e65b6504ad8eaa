"""A needle's tip and axis: pivoting in a divot, spinning, and checking at known divots."""
