"""One vector a text, from a model behind an API. HTTP clients live here alone."""
