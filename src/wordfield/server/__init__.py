"""Models over HTTP, as OpenAI's API has them: it knows of a model only that it makes vectors of texts."""
