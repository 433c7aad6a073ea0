package audit

// The places where the binary of the stress tests can be made to die (DUR-02). What
// ships has nothing there: see failpoint_off.go.
const (
	pointBeforeIntent  = "before-intent"  // nothing of the call is on record
	pointWritten       = "written"        // a batch is written, and not synced
	pointBeforeForward = "before-forward" // the intent is on record, and the call has not gone
	pointAnswered      = "answered"       // the upstream has answered, and the outcome is not on record
	pointBeforeAnswer  = "before-answer"  // the outcome is on record, and the answer has not left
	pointRotation      = "rotation"       // at each step from one segment to the next
	pointCheckpoint    = "checkpoint"     // at each step of a checkpoint
	pointKey           = "key"            // at each step of a key's replacement
)
