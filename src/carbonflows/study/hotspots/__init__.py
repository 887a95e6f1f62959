"""A country's emissions, and whom they serve, on a grid."""
