package gate

// Task is what the id of a task that a client names stands for. The upstream
// adapter reads it from the id, and resolve makes it part of the Target.
type Task struct {
	Upstream string
	Tool     string // whose call made the task, as the upstream names it
	ID       []byte // the upstream's own id, the JSON string as it was given
}
