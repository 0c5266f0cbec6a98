"""The store on MongoDB, for several service processes."""
