// Package process1 makes this process the first of a sandbox, or the probe of one, when it
// was started as that (argv[0] says so), and ends it, before most packages of the gateway
// are initialised. See package supervisor, which does the same for another process.
package process1

import (
	"os"

	"doorward/internal/sandbox"
)

var _ = become()

// become returns in every other process, true because a variable needs a value.
func become() bool {
	if len(os.Args) > 0 && (os.Args[0] == sandbox.Name || os.Args[0] == sandbox.Entry) {
		os.Exit(sandbox.Init())
	}
	return true
}
