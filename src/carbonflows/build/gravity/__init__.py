"""Trade between regions from what they sell, what they buy and how far apart they are."""
