package upstream_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/upstream"
)

// A client whose process was ended for what it took waits longer each time, within a
// bound and never as long as another; nobody else waits, and what is past is forgotten.
func TestSBX09_OffencesAreHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o upstream.Offences
		most := time.Second
		for n := range 12 {
			o.Note("a")
			if wait := o.Wait("a"); wait < most/2 || wait > most+time.Nanosecond {
				t.Errorf("after %d offences the wait is %s, want up to %s", n+1, wait, most)
			}
			most = min(2*most, time.Minute)
		}
		if wait := o.Wait("b"); wait > 0 {
			t.Errorf("another waits %s", wait)
		}
		time.Sleep(3 * time.Minute)
		o.Expire()
		o.Note("a")
		if wait := o.Wait("a"); wait > time.Second+time.Nanosecond {
			t.Errorf("after a while the wait is %s", wait)
		}
		for n := range 1_000 {
			o.Note(fmt.Sprint("many ", n))
		}
		if o.Wait("b") <= 0 || o.Wait("a") > time.Second+time.Nanosecond {
			t.Error("where there is no room for more, those who come do not wait, or those who are there wait with them")
		}
		time.Sleep(3 * time.Minute)
		o.Expire()
		if wait := o.Wait("b"); wait > 0 {
			t.Errorf("once all is past another waits %s", wait)
		}
	})
}
