"""Results that others measured, read from their files into windows and measurements of ours."""
