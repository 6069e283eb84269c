"""Loihi 2: public limits, layout, readiness."""
