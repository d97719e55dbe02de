"""Faults: input that is made to harm, broken tools, and what stops in the middle."""
