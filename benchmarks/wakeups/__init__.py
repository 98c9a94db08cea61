"""`make bench-wakeups`: how often all datasets together wake the warehouse, and whether each promise is kept."""
