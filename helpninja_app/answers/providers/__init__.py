"""Owns the model providers: one Protocol, one adapter per vendor, and the scripted fake."""
