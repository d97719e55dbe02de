"""Keeps what is run here apart from the rest of the machine: what it can reach, what it can read, what it leaves."""
