"""One module per page: what it asks of the commands, and what of that it shows."""
