package cli

import "doorward/internal/app"

// Supervised runs the supervisor of a child process when this process was
// started as one (argv[0] says so), and returns its exit code.
func Supervised(args []string) (code int, ok bool) { return app.Supervise(args) }
