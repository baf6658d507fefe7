"""Public sets of human judgement: which there are, where they come from, and fetching them when asked to."""
