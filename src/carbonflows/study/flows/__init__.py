"""Flows between regions or groups: the study of embodied carbon."""
