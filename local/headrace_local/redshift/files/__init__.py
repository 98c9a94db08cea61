"""Files in S3 that COPY reads and UNLOAD writes."""
