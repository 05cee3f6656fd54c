"""How the admin writes dates: what FORMAT_MODULE_PATH names."""
