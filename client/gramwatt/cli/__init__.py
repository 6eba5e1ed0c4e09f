"""The ``gramwatt`` command. One file per subcommand; ``main`` wires them."""
