"""The console: pages in the browser over the documents that the commands collect."""
