"""Learning rules that the claims compare with."""
