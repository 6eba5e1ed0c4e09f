"""What a model's file says: parameters, size, library. Headers are read; nothing in a file is executed."""
