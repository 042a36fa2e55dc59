"""Parts that distributions share."""
