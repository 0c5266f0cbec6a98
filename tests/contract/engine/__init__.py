"""What every engine has to do, tried on real ones by every way of reaching them."""
