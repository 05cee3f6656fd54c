"""Prometheus' alerts and recording rules, for `helm/platform/rules/`: `python -m dashboards.rules` writes them anew.

`burning` has the alerts of service level objectives, made from the scenarios; `alerts` has all others.
"""
