"""The command `lava-predict`."""
