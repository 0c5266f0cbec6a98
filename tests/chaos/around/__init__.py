"""What is around the service: its clients, its disks, the stack itself."""
