"""What models on the hub emit, how that is reported, and what it goes along with."""
