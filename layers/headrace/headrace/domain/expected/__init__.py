"""Which files a dataset expects by when, whether they have come, and how long it is usually quiet."""
