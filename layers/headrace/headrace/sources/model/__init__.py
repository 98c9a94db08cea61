"""What is known about a server and its files, and what follows from it."""
