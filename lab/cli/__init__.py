"""The command line: builds the adapters, hands them to the engine, turns errors into text and exit codes."""
