"""Files, batches and lanes, and what becomes of them."""
