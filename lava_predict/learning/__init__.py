"""Learning rules, as pure functions: the gated three-factor when rule, the two-factor what rule."""
