"""Arithmetic that every part uses: compiling, random numbers, rounding."""
