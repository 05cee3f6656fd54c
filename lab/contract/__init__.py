"""Does a running service keep the shop's contract?"""
