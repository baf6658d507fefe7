"""Characters -> ids: what is read, how it is cut into words, and which row each word has."""
