"""How a replica listens, says that it is healthy, drains and ends. Knows servers, no framework."""
