"""What integers cost."""
