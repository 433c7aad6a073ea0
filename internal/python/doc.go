// Package python is about packages of Python that are installed for an upstream whose command
// is uvx, uv tool run or pipx run: which package the words name, how it is installed into a
// directory of its own, and what of it is run then. It also reads what distributions say of
// their files (RECORD). app calls it: with what runs pip in a sandbox when one is installed,
// and for each upstream when a configuration is read; upstream asks it when it pins a command.
//
// It starts nothing itself, never asks an index, and never runs code of a package.
package python
