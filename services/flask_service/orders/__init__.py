"""Orders and the stock they take from: place, read, list, move on; set stock."""
