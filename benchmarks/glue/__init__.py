"""One file by both engines: a function's process, and Spark's executors."""
