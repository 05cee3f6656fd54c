"""What a replica tells of itself: metrics, traces, logs. Knows no server and no framework."""
