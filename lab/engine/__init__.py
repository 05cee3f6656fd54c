"""What the lab does, step by step, through ports."""
