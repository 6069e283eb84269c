"""Files: run record, checkpoint, unfinished run, trained network."""
