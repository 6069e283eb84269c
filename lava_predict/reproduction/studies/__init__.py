"""What is run for the claims: each study turns a configuration into arrays, and can be kept under its key."""
