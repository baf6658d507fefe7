"""One vector a word, learnt by predicting the words around it."""
