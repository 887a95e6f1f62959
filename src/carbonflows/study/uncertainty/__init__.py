"""How sure the numbers are: a study of draws and first order."""
