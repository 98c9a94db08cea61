"""What puts right, finds and forgets."""
