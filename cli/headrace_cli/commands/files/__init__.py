"""What a person does with files and contracts."""
