"""Which rows of a table lie nearest to a query: (matrix, queries, k) -> rows and scores."""
