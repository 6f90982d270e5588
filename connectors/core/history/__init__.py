"""What the previous tool knew: the layouts of its files, and what their rows mean."""
