"""What is held of a person, wherever it is, and how it is taken out again."""
