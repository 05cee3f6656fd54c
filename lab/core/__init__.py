"""What the lab decides and knows: pure, no I/O, no clock, no randomness of its own."""
