"""How fetching from servers behaves: `make bench-ftp` measures it, `make demo-ftp` shows it."""
