"""What hooks read and write."""
