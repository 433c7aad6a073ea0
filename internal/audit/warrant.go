package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// eventPruned says what is pruned of one segment. It is on record and covered by a
// checkpoint before anything goes; what it says and nobody did harms nobody.
const eventPruned = "audit.pruned"

// warrant is what such a record says.
type warrant struct {
	segment     int
	first, last uint64 // of the records that go, and how many these are: those between may stay
	count       uint64
	by          [32]byte // their digest (prunedSet)
	of          []warrantClass
}

// warrantClass is what goes of a class.
type warrantClass struct {
	class  Class
	count  uint64
	keep   time.Duration // of the class, then
	newest time.Time     // of the records that go
}

var errWarrant = errors.New("it does not say what was pruned")

// text is the record's detail: "segment 3, records 101 to 4196: 3000 pruned, sha256 …;
// calls 2800 up to TIME after 9600h0m0s; …".
func (w *warrant) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "segment %d, records %d to %d: %d pruned, sha256 %x", w.segment, w.first, w.last, w.count, w.by)
	for _, c := range w.of {
		fmt.Fprintf(&b, "; %s %d up to %s after %s", c.class, c.count, c.newest.UTC().Format(time.RFC3339Nano), c.keep)
	}
	return b.String()
}

// parseWarrant reads what text wrote, byte for byte.
func parseWarrant(text string) (w warrant, err error) {
	parts := strings.Split(text, "; ")
	words := strings.Fields(parts[0])
	if len(words) != 10 {
		return w, errWarrant
	}
	number := func(at int) uint64 {
		n, bad := strconv.ParseUint(strings.TrimRight(words[at], ",:"), 10, 53)
		err = errors.Join(err, bad)
		return n
	}
	w.segment = int(min(number(1), 1<<31-1))
	w.first, w.last, w.count = number(3), number(5), number(6)
	by, bad := hex.DecodeString(words[9])
	if err = errors.Join(err, bad); err != nil || len(by) != len(w.by) || len(parts) > int(classes) {
		return w, errWarrant
	}
	w.by = [32]byte(by)
	for _, part := range parts[1:] {
		c, err := parseWarrantClass(part)
		if err != nil {
			return w, err
		}
		w.of = append(w.of, c)
	}
	if w.text() != text {
		return w, errWarrant
	}
	return w, nil
}

func parseWarrantClass(text string) (c warrantClass, err error) {
	words := strings.Fields(text)
	if len(words) != 7 || Classes()[words[0]] == Lasting {
		return c, errWarrant
	}
	c.class = Classes()[words[0]]
	count, bad := strconv.ParseUint(words[1], 10, 53)
	newest, worse := time.Parse(time.RFC3339Nano, words[4])
	keep, worst := time.ParseDuration(words[6])
	if bad != nil || worse != nil || worst != nil {
		return c, errWarrant
	}
	c.count, c.newest, c.keep = count, newest, keep
	return c, nil
}

// newest is the time of the newest record that goes.
func (w *warrant) newest() time.Time {
	return slices.MaxFunc(w.of, func(a, b warrantClass) int { return a.newest.Compare(b.newest) }).newest
}

// fits tells what is wrong with a warrant by what it says alone; at is the time of its
// record.
func (w *warrant) fits(at time.Time) error {
	total := uint64(0)
	for _, c := range w.of {
		total += c.count
		if c.keep <= 0 || c.newest.Add(c.keep).After(at) {
			return fmt.Errorf("pruned %s of %s, which were to be kept for %s, on %s", c.class,
				c.newest.UTC().Format(time.RFC3339), c.keep, at.UTC().Format(time.RFC3339))
		}
	}
	if total != w.count || total == 0 {
		return errWarrant
	}
	return nil
}
