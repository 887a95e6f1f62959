"""How sure results are: errors of tables and emissions, drawn or carried to first order."""
