"""A revision that cannot be located: what became of it, from what git saw, and the ways out. Pure."""
