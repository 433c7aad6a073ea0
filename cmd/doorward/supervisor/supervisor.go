// Package supervisor makes this process the supervisor of a command when it was started as
// one (argv[0] says so), and ends it, before the packages of the gateway are initialised.
//
// It acts in the initialiser of a variable: packages are initialised in the order of their
// import paths, each as soon as what it imports is, so this one comes before nearly all as
// long as it imports next to nothing (docs/adr/0081; internal/archtest holds its imports).
// Only the main package imports it.
package supervisor

import (
	"os"

	"doorward/internal/supervise"
)

var _ = become()

// become returns in every other process, true because a variable needs a value.
func become() bool {
	if len(os.Args) > 0 && os.Args[0] == supervise.Name {
		os.Exit(supervise.Run(os.Args))
	}
	return true
}
