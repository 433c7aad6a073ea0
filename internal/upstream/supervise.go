package upstream

// SupervisorName is argv[0] of the supervisor of a child process: the program
// that finds it in os.Args[0] calls Supervise with os.Args before anything else,
// and exits with what it returns.
const SupervisorName = "doorward-child"

// exitCannotRun is the supervisor's status when the command could not be
// started (the shell's convention).
const exitCannotRun = 127
