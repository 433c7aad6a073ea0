package audit

import (
	"strings"
	"testing"

	"doorward/internal/gate"
)

// The longest id of a session is hashed in the room that is there for it.
func TestLongSessionIDs(t *testing.T) {
	ex := &gate.Exchange{Call: gate.Call{Session: &gate.Session{ID: strings.Repeat("x", gate.MaxSessionID)}}}
	var r Record
	if n := testing.AllocsPerRun(10, func() { r.whence(ex) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
