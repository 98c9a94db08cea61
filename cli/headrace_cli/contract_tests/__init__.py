"""Contract tests: files, and what must become of each of their rows; for `headrace test` and for pytest."""
