"""One unit of a batch: files transformed together."""
