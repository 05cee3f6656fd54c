"""Orders, and the stock that they draw on."""
