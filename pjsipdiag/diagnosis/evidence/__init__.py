"""What ties a source to the configuration."""
