"""What puts something right."""
