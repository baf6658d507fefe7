"""Arrays in, arrays out: the loops that wordfield exists for, compiled by Numba."""
