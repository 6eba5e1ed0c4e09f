"""What a person types, read into numbers with units; a mistake is text that belongs beside its field."""
