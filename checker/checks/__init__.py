"""Every check, one to a file, and the registry that names them all."""
