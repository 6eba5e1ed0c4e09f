"""What a model's file says: parameters, size, FLOPs, library. Shapes are read; nothing in a file is executed."""
