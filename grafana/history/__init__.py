"""Two weeks of a small laboratory, made up and always the same: for tests, screenshots, and changes of panels."""
