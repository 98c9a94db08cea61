"""How fast and how exact the transform is, beside other engines: `make bench-transform`."""
