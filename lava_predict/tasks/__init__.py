"""What happens when: a task laid out as segments that any engine plays."""
