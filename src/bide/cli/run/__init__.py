"""``bide run``: one run in this terminal, to its end."""
