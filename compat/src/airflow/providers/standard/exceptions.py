"""What the standard operators raise."""
