// Package sandbox runs a child process with no more than it was given: a root
// directory of its own, made of what its plan names, no network, no other
// process in sight, no capability, fewer system calls, and bounds on memory, CPU,
// tasks, files and disk. upstream starts commands with it; cli shows a plan and
// runs the probe that tries the walls from inside. It never decides whether a
// command may run, and never starts one with less than its plan asks for: what
// this system cannot do is an error, unless the plan says that it may be missing.
//
// There are two processes of Doorward's around a command: the gateway, which
// makes the namespaces with clone(2), and in them process 1, which is this binary
// under the name Name. It builds the root, drops every privilege, starts the
// command, reaps what that leaves and watches its limits. When process 1 ends, for
// whatever reason, the kernel ends everything else in its process namespace
// (pid_namespaces(7)): nothing of a command outlives it, and it outlives neither
// the gateway nor the control socket that they share.
package sandbox
