"""Settings: validated, read from presets and files, and explained when wrong."""
