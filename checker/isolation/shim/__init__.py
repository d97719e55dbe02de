"""Runs as a process of its own, `python -I -S -B FOLDER TASK ...`: the standard library alone, and quick to start."""

import os

FOLDER = os.path.dirname(os.path.abspath(__file__))  # pathlib takes longer to import than all the rest
