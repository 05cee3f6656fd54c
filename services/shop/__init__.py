"""The shop's pure rules, shared by every variant: no I/O, no clock, no framework."""

__version__ = "0.1.0"
