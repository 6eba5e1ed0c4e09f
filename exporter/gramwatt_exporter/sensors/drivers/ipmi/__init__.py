"""IPMI DCMI: whole-machine power from a management controller by local tools."""
