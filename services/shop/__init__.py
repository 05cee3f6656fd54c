"""The shop's pure rules, shared by every variant: no I/O, no clock, no framework."""
