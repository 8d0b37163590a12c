"""Flows at work: the catalogue, publishing, binding, transitions, ramps."""
