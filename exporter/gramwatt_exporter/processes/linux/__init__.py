"""What Linux says of processes: /proc, netlink, control groups, names."""
