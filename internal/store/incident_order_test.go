package store

import (
	"fmt"
	"testing"
	"time"
)

// The newest incident comes first, also among those of one millisecond, whose ids say nothing of
// which of them was opened first.
func TestIncidentsOfOneMillisecond(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all := incidentList{}
	for i := range 20 {
		one := &Incident{Opened: began.Add(time.Duration(i) * 50 * time.Microsecond), Title: fmt.Sprint(19 - i)}
		one.ID = NewIncidentID(one.Opened)
		all[one.ID] = one
	}
	for i, one := range all.sorted() {
		if one.Title != fmt.Sprint(i) {
			t.Errorf("in place %d is the one of place %s", i, one.Title)
		}
	}
}
