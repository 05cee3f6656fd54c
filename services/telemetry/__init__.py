"""What a replica tells of itself: metrics, traces, logs. Knows no server and no framework."""

EXEMPLAR_KEY = "telemetry.exemplar"  # in a request's scope or environment: where to find its span, if it is recorded
