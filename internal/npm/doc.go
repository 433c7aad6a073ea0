// Package npm is about packages of npm that are installed for an upstream whose command is
// npx: which package the words name, how it is installed into a directory of its own, and
// what of it is run then. app calls it: with what runs npm in a sandbox when one is
// installed, and for each upstream when a configuration is read.
//
// It starts nothing itself, never asks a registry, and never runs a script of a package.
package npm
