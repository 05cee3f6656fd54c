"""The dashboards: one question each."""
