// Package upstream carries calls to the configured MCP servers and brings back
// what they answer: Streamable HTTP in both eras and child processes over
// newline-delimited JSON. It keeps the sessions and processes, the ids on the
// way out and back, and the view of what each upstream offers.
//
// The pipeline calls it as the gate.Forwarder, resolve for the definitions that
// a call may name, app to look at an upstream and to close everything.
//
// It never decides whether a call is allowed, never changes more of a message
// than its id, tool prefix, progress token and requestState, never passes a
// client's credentials on, and never shares a stateful session or a process
// between principals unless the configuration says so. A key that a client brings
// for an upstream goes with that client's own message and is kept nowhere.
package upstream
