"""Benchmarks: what the product does in how much time, beside its targets and its peers. Nothing is a test."""
