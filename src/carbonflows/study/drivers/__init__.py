"""Why emissions changed: a study of structural decomposition."""
