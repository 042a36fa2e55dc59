"""What the standard operators share."""
