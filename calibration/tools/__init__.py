"""Marker bodies as they were really cut, folded and glued, from pictures of them."""
