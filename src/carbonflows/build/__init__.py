"""Tables nobody publishes: trade between regions, interregional tables, provinces in the world."""
