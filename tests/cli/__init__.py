"""The command line, module by module; test_cli.py beside this folder runs it as a whole."""
