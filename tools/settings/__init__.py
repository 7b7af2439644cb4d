"""config.json: the questions, what the answers make of it, and the file."""
