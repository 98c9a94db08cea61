"""What is measured, judged and held."""
