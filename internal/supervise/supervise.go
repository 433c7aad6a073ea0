// Package supervise is what stands between Doorward and a command: it waits for the command
// and its orphans, and ends with everything that descends from it.
//
// The supervisor of a command without a sandbox runs Run, and process 1 of a sandbox Reap.
// It imports the standard library alone, and of that little: what it imports decides how
// early in the start of the binary it can run (docs/adr/0081).
package supervise

// Name is argv[0] of the supervisor of a child process: the program that finds it in
// os.Args[0] calls Run with os.Args before anything else, and exits with what it returns.
const Name = "doorward-child"

// Handed is the descriptor of the supervisor by which it starts the command.
const Handed = 3

// exitCannotRun is the supervisor's status when the command could not be
// started (the shell's convention).
const exitCannotRun = 127
