"""Models of the Hugging Face hub: their cards read, stored, corrected by people, and graded."""
