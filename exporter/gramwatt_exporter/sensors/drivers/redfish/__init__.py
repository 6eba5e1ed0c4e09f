"""Redfish: whole-machine power from a management controller over HTTPS."""
