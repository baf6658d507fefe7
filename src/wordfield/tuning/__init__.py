"""Search for good hyperparameters: `spaces` to look in, `judging` of what is found, and the `search` itself."""
