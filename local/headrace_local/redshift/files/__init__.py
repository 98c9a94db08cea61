"""The S3 files that COPY reads and UNLOAD writes."""
