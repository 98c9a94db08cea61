"""What is known of a server and its files, and what follows from it."""
