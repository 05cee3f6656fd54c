"""Receives the spans of what the lab runs, keeps the newest of them, and finds traces among them.

`python -m lab.telemetry --store FILE --port N` is a process of its own, so that it neither delays nor ends with anyone.
"""
