"""What a person or a file says about a run -> facts -> grades -> something to show and to keep."""
