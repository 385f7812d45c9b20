"""The command line: every command is a file, loaded when it is called."""
