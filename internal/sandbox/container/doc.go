// Package container confines a command by docker or podman. It makes the
// arguments of their command lines from what a plan allows and from nothing else,
// asks the daemon what it made of them before anything of the image runs, and
// removes what was started, also what an earlier process left behind. upstream
// starts commands with it, config asks it which images and variables may be named,
// and cli shows its plan.
//
// It takes no flag, no manifest and no label of an image: there is no text of
// anybody's that becomes an argument but the words after the image, which a client
// does not read (Docker MCP Gateway, CVE-2026-55887: YAML in a label did). It
// pulls nothing, builds nothing, and never starts a container that is given more
// than was asked for.
package container
