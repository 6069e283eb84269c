"""When rules: each module is one rule with its traces, whole."""
