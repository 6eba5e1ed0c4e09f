"""The ``gramwatt-labeler`` command: ``parser`` names the subcommands, the files beside it are what they do."""
