"""Complete configurations that a run can start from, one annotated TOML file each."""
