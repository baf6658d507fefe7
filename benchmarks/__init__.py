"""Speed, memory and quality of wordfield beside its peers, on one corpus, in one run: ``python -m benchmarks``."""
