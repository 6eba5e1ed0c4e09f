"""Carbon intensity of the grid: providers (one file each), and the refresher that chains and calls them."""
