"""``bide backfill``: runs for a span of the past."""
