"""What is declared and decided: pure, and free of any import from outside."""
