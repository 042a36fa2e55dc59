"""Types of arguments."""
