"""One vector a word, by counting its neighbours."""
